# SPDX-License-Identifier: MIT
"""The real coding programs: how each is pointed at a server, and what it cannot do. Users of gateways do just this in
their configuration."""
import json
import re
import subprocess
import time

KEY = "a-key-of-the-tests"  # not short: copilot blots keys out of its own output


class Program:
    name = ""  # of the program, and of the agent in the configuration
    kind = None  # of adapter; None: as the name
    model = None
    other_model = None  # and a part of the name that then arrives
    shell_tools = []  # what lets it run a shell
    has_tokens_of_all = True  # its requests, or but of the last one
    has_cost = False
    ends_when_denied = False  # without another word
    summarises = False  # what is too long for its model
    cannot = {}  # case -> why it is left out; docs/testing.md says the same

    def __init__(self, folder):
        self.path = folder / self.name / "node_modules/.bin" / self.name

    def command(self, url):
        return [str(self.path)]

    def env(self, url):
        raise NotImplementedError

    def prepare(self, home):
        """Puts what a user has after signing in into the home."""

    def await_resumable(self, home):
        """Until a session that was begun can be gone on with."""

    def version(self, env):
        try:
            done = subprocess.run([self.path, "--version"], env=env, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=120)
        except (OSError, subprocess.TimeoutExpired) as error:
            return None, str(error)
        match = re.search(r"\d+\.\d+\.\d+\S*", done.stdout)
        return (match.group(0) if match else None), (done.stderr or done.stdout)[-300:]


NO_PERMISSIONS = "it asks nobody: its own options decide what it may do"


class Claude(Program):
    name = "claude"
    model = "claude-sonnet-4-5"
    other_model = ("claude-haiku-4-5", "haiku")
    shell_tools = ["Bash(tail:*)"]
    has_cost = True
    cannot = {"permission": NO_PERMISSIONS}

    def env(self, url):
        return {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": KEY, "CLAUDE_CODE_MAX_RETRIES": "3"}


class Codex(Program):
    name = "codex"
    model = "gpt-5.5"
    other_model = ("gpt-6.1-sol", "gpt-6.1-sol")
    cannot = {"permission": NO_PERMISSIONS}

    def command(self, url):
        provider = (f'model_providers.mock={{name="mock",base_url="{url}/v1",wire_api="responses",'
                    'env_key="MOCK_KEY",request_max_retries=2,stream_max_retries=2}')
        return [str(self.path), "-c", "model_provider=mock", "-c", provider]

    def env(self, url):
        return {"MOCK_KEY": KEY}


class Gemini(Program):
    name = "gemini"
    model = "gemini-2.5-flash"
    other_model = ("gemini-2.5-pro", "gemini-2.5-pro")
    shell_tools = ["run_shell_command(tail)"]
    cannot = {"permission": NO_PERMISSIONS}

    def env(self, url):
        return {"GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": KEY}

    def prepare(self, home):
        settings = {"security": {"auth": {"selectedType": "gemini-api-key"}},
                    "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
                    "privacy": {"usageStatisticsEnabled": False}}
        (home / ".gemini").mkdir()
        (home / ".gemini/settings.json").write_text(json.dumps(settings))


class Qwen(Program):
    name = "qwen"
    model = "mock-model"
    other_model = ("other-model", "other-model")
    shell_tools = ["run_shell_command(tail)"]
    cannot = {"permission": NO_PERMISSIONS}

    def env(self, url):
        return {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": KEY, "OPENAI_MODEL": self.model}


class Opencode(Program):
    name = "opencode"
    model = "mock/m"
    other_model = ("mock/other", "other")
    shell_tools = ["bash(tail *)"]
    has_cost = True
    cannot = {"permission": NO_PERMISSIONS}
    settings = {}

    def env(self, url):
        provider = {"npm": "@ai-sdk/openai-compatible", "options": {"baseURL": f"{url}/v1", "apiKey": KEY},
                    "models": {name: {"limit": {"context": 200000, "output": 8000},
                                      "cost": {"input": 1, "output": 2}} for name in ("m", "other")}}
        config = {"provider": {"mock": provider}, "model": "mock/m", "small_model": "mock/m", "share": "disabled",
                  **self.settings}
        return {"OPENCODE_CONFIG_CONTENT": json.dumps(config), "OPENCODE_DISABLE_MODELS_FETCH": "1"}


class Copilot(Program):
    name = "copilot"
    model = "mock-model"
    other_model = ("other-model", "other-model")
    shell_tools = ["shell(tail:*)"]
    cannot = {"permission": NO_PERMISSIONS}

    def env(self, url):
        return {"COPILOT_PROVIDER_BASE_URL": f"{url}/v1", "COPILOT_PROVIDER_API_KEY": KEY,
                "COPILOT_MODEL": self.model, "COPILOT_OFFLINE": "true"}


# ---- the same programs as ACP agents ----

class Acp:
    """Before one of the programs among the bases: it is spoken to by fermata-acp. The model is named where the program
    has it from, since not every agent lets its client choose one."""
    kind = "acp"
    program = None  # whose file it is
    arguments = ["--acp"]
    shell_tools = ["execute"]  # a kind of the protocol
    has_cost = False
    cannot = {}

    def __init__(self, folder):
        self.path = folder / self.program / "node_modules/.bin" / self.program
        self.own_model, self.model = self.model, None

    def command(self, url):
        return [str(self.path), *self.arguments]


class AcpGemini(Acp, Gemini):
    name, program = "acp-gemini", "gemini"

    def command(self, url):
        return [str(self.path), "-m", self.own_model, "--acp"]

    def env(self, url):
        return {**super().env(url), "GEMINI_CLI_NO_RELAUNCH": "true", "GEMINI_CLI_TRUST_WORKSPACE": "true"}

    def await_resumable(self, home):
        """0.61.0 names the file of a session by its id and the minute, and overwrites one of the same name before it
        looks for it."""
        last = max(re.search(r"session-(.{16})", path.name).group(1) for path in home.glob(".gemini/tmp/*/chats/session-*"))
        while time.strftime("%Y-%m-%dT%H-%M", time.gmtime()) <= last:
            time.sleep(0.2)


class AcpQwen(Acp, Qwen):
    name, program = "acp-qwen", "qwen"
    other_model = ("$runtime|openai|mock-model(openai)", "mock-model")  # it offers no other
    ends_when_denied = True

    def env(self, url):
        return {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": KEY, "OPENAI_MODEL": self.own_model,
                "QWEN_CODE_NO_RELAUNCH": "true"}

    def prepare(self, home):
        settings = {"security": {"auth": {"selectedType": "openai"}}, "general": {"enableAutoUpdate": False},
                    "memory": {"enableManagedAutoMemory": False, "enableManagedAutoDream": False}}
        (home / ".qwen").mkdir()
        (home / ".qwen/settings.json").write_text(json.dumps(settings))


class AcpOpencode(Acp, Opencode):
    """It allows everything to itself; told to ask, it asks us."""
    name, program = "acp-opencode", "opencode"
    arguments = ["acp"]
    settings = {"permission": {"edit": "ask", "bash": "ask"}}
    has_cost = True
    has_tokens_of_all = False
    ends_when_denied = True
    summarises = True


class AcpCopilot(Acp, Copilot):
    name, program = "acp-copilot", "copilot"
    cannot = {"model": "it offers its client no choice of models"}
    ends_when_denied = True

    def env(self, url):
        return {**super().env(url), "COPILOT_MODEL": self.own_model}


class AdapterOfAcp(Acp):
    """A program beside the coding program that speaks ACP for it."""

    def __init__(self, folder):
        super().__init__(folder)
        self.package = folder / self.name / "node_modules/@agentclientprotocol" / self.program
        self.path = folder / self.name / "node_modules/.bin" / self.program

    arguments = []

    def version(self, env):
        try:
            return json.loads((self.package / "package.json").read_text())["version"], ""
        except (OSError, ValueError, KeyError) as error:
            return None, str(error)


class AcpClaude(AdapterOfAcp, Claude):
    name, program = "acp-claude", "claude-agent-acp"
    other_model = ("haiku", "haiku")
    has_cost = True

    def env(self, url):
        return {**super().env(url), "ANTHROPIC_MODEL": self.own_model}


class AcpCodex(AdapterOfAcp, Codex):
    name, program = "acp-codex", "codex-acp"
    other_model = ("gpt-6.1-sol[low]", "gpt-6.1-sol")
    cannot = {"permission": "it asks nobody: its sandbox decides what it may do"}
    ends_when_denied = True

    def command(self, url):
        return [str(self.path)]

    def env(self, url):
        config = {"model": self.own_model, "model_provider": "mock",
                  "model_providers": {"mock": {"name": "mock", "base_url": f"{url}/v1", "wire_api": "responses",
                                               "env_key": "MOCK_KEY", "request_max_retries": 2,
                                               "stream_max_retries": 2}}}
        return {"MOCK_KEY": KEY, "CODEX_CONFIG": json.dumps(config)}


PROGRAMS = [Claude, Codex, Gemini, Qwen, Opencode, Copilot,
            AcpClaude, AcpCodex, AcpGemini, AcpQwen, AcpOpencode, AcpCopilot]
