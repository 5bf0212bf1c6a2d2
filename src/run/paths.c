/* SPDX-License-Identifier: MIT */
/* Inputs of type path: what a link makes of them, which their text does not say. */
#include "base/file.h"
#include "base/utf8.h"
#include "run/run.h"

int run_check_paths(const struct workflow *workflow, const json_t *inputs, const char *project,
                    struct error *err)
{
    for (size_t i = 0; i < workflow->input_count; i++) {
        const struct workflow_input *input = &workflow->inputs[i];
        const char *path = json_get_text(inputs, input->name, NULL);

        if (input->type == INPUT_PATH && path && !path_is_inside(project, path)) {
            (void)error_set(err, ERROR_INVALID,
                            "input \"%s\": the path \"%s\" leads out of the project by a "
                            "link",
                            UTF8_CUT(input->name, 100), UTF8_CUT(path, 400));
            error_hint(err, "a place elsewhere is given to an input of type string");
            return ERROR_INVALID;
        }
    }
    return 0;
}
