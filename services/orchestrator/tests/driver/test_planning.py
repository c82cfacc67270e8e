import msgspec
import pytest

from orchestrator.coordination.weights import Evidence
from orchestrator.driver.latencies import STEADY_SHARE, Latencies
from orchestrator.driver.planning import answer_tokens, make_plan
from wire.conversation import (
    FunctionTool,
    GenerationRequest,
    ResponseFormat,
    Sampling,
    ToolChoice,
    user_text,
)
from wire.coordination import StartRun
from wire.specs import (
    AgentSpec,
    Capabilities,
    ModelSpec,
    PanelSpec,
    Prices,
    ProviderSpec,
    RunLimits,
)

PROVIDER = ProviderSpec(name="p", kind="openai", base_url="http://x")
MODEL = ModelSpec(
    name="m", provider=PROVIDER, upstream_model="m", prices=Prices(input_usd_per_mtok=1.0)
)
ADA, BOB = (AgentSpec(agent_id=name, model=MODEL) for name in ("ada", "bob"))
PANEL = PanelSpec(name="council", agents=(ADA, BOB))
REQUEST = GenerationRequest(items=(user_text("hello " * 100),))
TOOL = (FunctionTool("f"),)


def started(
    panel: PanelSpec = PANEL, request: GenerationRequest = REQUEST, max_usd: float | None = None
) -> StartRun:
    return StartRun(
        run_id="r",
        request_id="q",
        tenant_id="t",
        key_id="k",
        public_model="council",
        panel=panel,
        request=request,
        max_usd=max_usd,
    )


def planned(start: StartRun, time_left_s: float = 1000):
    return make_plan(start, seed="s", time_left_s=time_left_s, latencies=Latencies())


@pytest.mark.parametrize(
    ("client", "panel", "agent", "model", "cap"),
    [
        (None, 4096, None, None, 4096),
        (100, 4096, None, None, 100),
        (9000, 4096, None, None, 4096),
        (None, 4096, 50, None, 50),
        (None, 4096, None, 70, 70),
    ],
)
def test_an_answers_cap_is_the_least_of_what_anybody_set(
    client: int | None, panel: int, agent: int | None, model: int | None, cap: int
) -> None:
    spec = msgspec.structs.replace(MODEL, max_output_tokens=model)
    ada = AgentSpec(agent_id="ada", model=spec, max_output_tokens=agent)
    council = PanelSpec(name="c", agents=(ada, BOB), max_answer_tokens=panel)
    request = msgspec.structs.replace(REQUEST, sampling=Sampling(max_output_tokens=client))

    assert answer_tokens(started(council, request), ada) == cap


def test_a_plain_models_client_may_ask_for_more_than_a_panel_would_give() -> None:
    plain = PanelSpec(name="m", agents=(ADA,), kind="model")
    request = msgspec.structs.replace(REQUEST, sampling=Sampling(max_output_tokens=9000))

    assert answer_tokens(started(plain, request), ADA) == 9000
    assert answer_tokens(started(plain), ADA) == plain.max_answer_tokens


@pytest.mark.parametrize(
    ("tools", "choice", "mode", "plan"),
    [
        ((), ToolChoice(), "lead", "none"),
        (TOOL, ToolChoice(), "lead", "lead"),
        (TOOL, ToolChoice("none"), "lead", "withheld"),
        (TOOL, ToolChoice(), "vote", "vote"),
        (TOOL, ToolChoice(), "off", "dropped"),
        (TOOL, ToolChoice("none"), "off", "dropped"),
    ],
)
def test_what_becomes_of_the_clients_tools(
    tools: tuple[FunctionTool, ...], choice: ToolChoice, mode: str, plan: str
) -> None:
    council = PanelSpec(name="c", agents=(ADA, BOB), tools=mode)  # type: ignore[arg-type]
    request = msgspec.structs.replace(REQUEST, tools=tools, tool_choice=choice)

    assert planned(started(council, request)).tools == plan


def test_the_first_agent_that_can_use_tools_leads() -> None:
    unable = msgspec.structs.replace(MODEL, capabilities=Capabilities(tools=False))
    council = PanelSpec(name="c", agents=(AgentSpec(agent_id="ada", model=unable), BOB))

    assert planned(started(council)).lead == "bob"


def test_answers_are_checked_where_the_form_is_promised() -> None:
    strict = ResponseFormat("json_schema", "x", msgspec.Raw(b"{}"), strict=True)
    weak = msgspec.structs.replace(MODEL, capabilities=Capabilities(structured_outputs=False))
    plain = PanelSpec(name="m", agents=(ADA,), kind="model")
    weak_model = PanelSpec(name="m", agents=(AgentSpec(agent_id="m", model=weak),), kind="model")

    def checked(panel: PanelSpec, wanted: ResponseFormat) -> bool:
        request = msgspec.structs.replace(REQUEST, response_format=wanted)
        return planned(started(panel, request)).checked

    assert checked(PANEL, strict)
    assert checked(PANEL, ResponseFormat("json_object"))
    assert not checked(PANEL, ResponseFormat("json_schema", "x", msgspec.Raw(b"{}")))
    assert not checked(plain, strict)
    assert checked(weak_model, strict)


def test_the_lower_of_panel_and_reservation_caps_the_money() -> None:
    capped = PanelSpec(name="c", agents=(ADA, BOB), limits=RunLimits(max_usd=2.0))

    assert planned(started()).limits.max_nano_usd is None
    assert planned(started(capped)).limits.max_nano_usd == 2_000_000_000
    assert planned(started(capped, max_usd=0.5)).limits.max_nano_usd == 500_000_000


@pytest.mark.parametrize(("left_s", "deadline_ms"), [(1000, 600_000), (10, 9_800), (0.0, 1)])
def test_the_deadline_is_the_callers_less_what_our_answer_needs(
    left_s: float, deadline_ms: int
) -> None:
    plan = planned(started(), left_s)

    assert plan.deadline_ms == deadline_ms
    assert 1 <= plan.wrap_up_ms <= plan.deadline_ms


def test_a_presenters_time_is_set_aside() -> None:
    polished = PanelSpec(name="c", agents=(ADA, BOB), present="polish")

    assert planned(started(polished)).wrap_up_ms == 540_000


def test_estimates_prices_and_latencies_come_with_each_agent() -> None:
    latencies = Latencies()
    for _ in range(20):
        latencies.add("m", "answer", 700)
    reasoning = msgspec.structs.replace(MODEL, capabilities=Capabilities(reasoning=True))
    council = PanelSpec(name="c", agents=(ADA, AgentSpec(agent_id="bob", model=reasoning)))

    plan = make_plan(started(council), seed="s", time_left_s=10, latencies=latencies)

    ada, bob = plan.agents
    assert ada.input_tokens > 100
    assert (ada.input_usd_per_mtok, ada.answer_p95_ms, ada.ballot_p95_ms) == (
        1.0,
        700 * STEADY_SHARE,
        None,
    )
    assert bob.ballot_output_tokens > ada.ballot_output_tokens


STRONG = {("m", "prose"): Evidence(9, 0), ("n", "prose"): Evidence(0, 9), ("m", "code"): Evidence()}


def weights(panel: PanelSpec) -> dict[str, float]:
    plan = make_plan(started(panel), seed="s", time_left_s=60, latencies=Latencies(), learnt=STRONG)
    return {agent.agent_id: agent.weight for agent in plan.agents}


@pytest.mark.requirement("coordination:weights:learnt")
def test_what_was_learnt_of_a_kind_of_task_weighs_in_tasks_of_that_kind() -> None:
    other = msgspec.structs.replace(BOB, model=msgspec.structs.replace(MODEL, name="n"))
    mixed = msgspec.structs.replace(PANEL, agents=(ADA, other))

    learnt = weights(mixed)

    assert learnt["ada"] > 1 > learnt["bob"]
    assert weights(msgspec.structs.replace(mixed, task_class="code")) == {"ada": 1, "bob": 1}
    assert weights(msgspec.structs.replace(mixed, weights="equal")) == {"ada": 1, "bob": 1}
