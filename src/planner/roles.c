/* SPDX-License-Identifier: MIT */
#include "planner/roles.h"

#include "base/alloc.h"

#define KIND(kind) (1U << TASK_##kind)
#define TOUCHES(surface) (1U << SURFACE_##surface)
#define CHANGES                                                                                    \
    (KIND(FEATURE) | KIND(FIX) | KIND(REFACTOR) | KIND(PERFORMANCE) | KIND(MIGRATION) | KIND(OTHER))
#define LOOKS (KIND(REVIEW) | KIND(SECURITY))

#define BUILD_RULES                                                                                \
    "Look at how the code around it is written before you write. Make the smallest change that "   \
    "does the whole of your part, with a test that would fail without it. Run the tests. End "     \
    "with the list of files that you changed and what you ran.\n"

const struct role roles[] = {
    /* ---- what is the matter ---- */
    {"cause", "Find the cause", "evidence-based-investigator", STAGE_UNDERSTAND, true, KIND(FIX), 0,
     0, NULL, "the cause of a fault is found before it is repaired",
     "Find the cause of this, with evidence for each step of the way: the place, the condition, "
     "why "
     "nobody noticed. Say how to make it happen in a test. Change nothing.\n"},
    {"order", "What happens at once", "concurrency-analyst", STAGE_UNDERSTAND, true,
     CHANGES | LOOKS, 0, 11, "race condition", "the task speaks of things that happen at once",
     "Say which parts of this run at the same time, what they share, and which order breaks "
     "them.\n"},
    {"research", "What is known", "research-analyst", STAGE_UNDERSTAND, true,
     KIND(RESEARCH) | KIND(DESIGN), 0, 0, NULL, "a question is answered from sources",
     "Answer this from sources: the code at hand, its history, its documentation. Weigh each "
     "source; "
     "what you do not know stays unknown.\n"},
    {"code", "What the code says", "codebase-explorer", STAGE_UNDERSTAND, true,
     KIND(RESEARCH) | KIND(DESIGN) | KIND(DOCUMENTATION), 0, 0, NULL,
     "what is there is looked at before anybody writes about it",
     "Map what of the code base this is about: parts, borders, ways of the data, with places "
     "(file:line).\n"},

    /* ---- how it is to be done ---- */
    {"outline", "Plan of the work", "architecture-expert", STAGE_PLAN, true,
     CHANGES | KIND(INFRASTRUCTURE), 0, 4, NULL, "it is not simple enough to begin without a plan",
     "Plan this for the code base at hand: the files that change, the order, the risks with how "
     "each "
     "is met, how it is proven, and what is left out. The simplest way that does all of it.\n"},
    {"plan", "The plan", "project-manager", STAGE_PLAN, true, KIND(DESIGN), 0, 0, NULL,
     "a plan was asked for",
     "Write the plan: steps that can each be begun, followed and finished, in their order, with "
     "what "
     "proves each, the smallest version first.\n"},

    /* ---- what is agreed before it is built ---- */
    {"interface", "Interfaces", "api-expert", STAGE_DESIGN, true, KIND(FEATURE) | KIND(REFACTOR),
     TOUCHES(API), 5, NULL, "others will call what is built",
     "Design the interfaces: operations, inputs with limits, results, errors, compatibility, an "
     "example of each.\n"},
    {"data", "Data", "database-expert", STAGE_DESIGN, true, KIND(FEATURE), TOUCHES(DATABASE), 5,
     NULL, "data is kept in a new form",
     "Design the data: entities, constraints, indexes, migration and way back.\n"},
    {"experience", "User interface", "ui-ux-expert", STAGE_DESIGN, true, KIND(FEATURE),
     TOUCHES(FRONTEND), 5, NULL, "people will see it",
     "Design what people see and do, with empty, loading, error and long-text states, keyboard and "
     "screen reader.\n"},

    /* ---- the work ---- */
    {"database", "Database", "database-expert", STAGE_BUILD, false,
     KIND(FEATURE) | KIND(MIGRATION) | KIND(REFACTOR), TOUCHES(DATABASE), 0, NULL,
     "the task touches the database",
     "Do the part of this that is in the database: schema, migration with a way back, "
     "queries.\n" BUILD_RULES},
    {"backend", "Server and library side", "backend-expert", STAGE_BUILD, false, CHANGES,
     TOUCHES(BACKEND) | TOUCHES(API), 0, NULL, "the task touches the server or library side",
     "Do the part of this that is on the server or library side.\n" BUILD_RULES},
    {"frontend", "User interface", "frontend-expert", STAGE_BUILD, false, CHANGES,
     TOUCHES(FRONTEND), 0, NULL, "the task touches what people see",
     "Do the part of this that people see and use.\n" BUILD_RULES},
    {"operations", "Build and operation", "devops-expert", STAGE_BUILD, false,
     KIND(INFRASTRUCTURE) | KIND(FEATURE), TOUCHES(INFRASTRUCTURE), 0, NULL,
     "the task touches how it is built or run",
     "Do the part of this that is about building, deploying and running it. Try it out as far as "
     "it "
     "can be tried here.\n" BUILD_RULES},
    {"signals", "Signals", "monitoring-expert", STAGE_BUILD, false,
     KIND(INFRASTRUCTURE) | KIND(FEATURE), TOUCHES(MONITORING), 0, NULL,
     "the system is to tell how it is",
     "Make the system tell what this asks for: few signals that mean something, with names and "
     "units "
     "of the field, nothing secret in them.\n" BUILD_RULES},
    {"write", "The text", NULL, STAGE_BUILD, false, KIND(DOCUMENTATION), 0, 0, NULL,
     "a text was asked for",
     "Write it from the code, not from hope: each claim has its place in the code. Follow the form "
     "of "
     "the documents that are there. End with the list of files that you changed.\n"},

    /* ---- does it work? ---- */
    {"tests", "Tests", "testing-expert", STAGE_TEST, false,
     CHANGES | KIND(INFRASTRUCTURE) | KIND(TEST), 0, 0, NULL,
     "what was done is tested by somebody else",
     "Test this as its user would and as somebody who wants to break it. Add the tests that are "
     "missing, run the whole suite, and report what fails with its place. Never weaken a test.\n"},

    /* ---- would somebody regret it? ---- */
    {"review", "Code", "code-review-expert", STAGE_REVIEW, true,
     CHANGES | KIND(INFRASTRUCTURE) | KIND(TEST) | KIND(REVIEW), 0, 0, NULL,
     "a change is read by somebody who did not make it",
     "Review what was done with `git diff` as one who will own it next year: faults, missing "
     "tests, "
     "what the task asked for and is not there. Quote the place (file:line). No suggestion is a "
     "good "
     "answer.\n"},
    {"security", "Security", "security-expert", STAGE_REVIEW, true,
     CHANGES | KIND(INFRASTRUCTURE) | LOOKS, TOUCHES(SECURITY), 0, NULL,
     "it touches what an attacker looks for",
     "Review this with an attacker in mind: what is believed that comes from outside? Prove each "
     "finding or drop it.\n"},
    {"operability", "Operation", "on-call-engineer", STAGE_REVIEW, true, KIND(INFRASTRUCTURE), 0, 0,
     NULL, "somebody is woken up when it fails",
     "Read this as the one who is woken up by it: how does it fail, who notices, what is the way "
     "back?\n"},
    {"truth", "Truth of the text", "content-auditor", STAGE_REVIEW, true, KIND(DOCUMENTATION), 0, 0,
     NULL, "a text is checked against the truth",
     "Check each claim of the text against the code, and the text against its readers.\n"},
    {"structure", "Structure", "structural-analyst", STAGE_REVIEW, true, KIND(REVIEW), 0, 0, NULL,
     "structure is measured, not felt",
     "Measure the structure of what this is about: size, coupling, cycles, duplicates, dead "
     "parts.\n"},
    {"proof", "Attack on the findings", "adversarial-validator", STAGE_REVIEW, true,
     KIND(RESEARCH) | KIND(DESIGN), 0, 0, NULL, "an answer is attacked before it is believed",
     "Attack what was found until only what is proven stands.\n"},
};
const size_t role_count = ARRAY_LEN(roles);
