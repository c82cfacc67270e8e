"""How clients and panels get at compaction, from one end of the platform to the other."""

from tests.requirements import Requirement

_PAGE = "compaction.md"
_CONTRACT = "OpenAI wire contract"

ENTRIES = [
    Requirement(
        "compaction-doors:long-conversation",
        f"{_PAGE}, bars",
        "A conversation several windows long is answered from all its parts, where cutting off "
        "its beginning forgets them.",
    ),
    Requirement(
        "compaction-doors:once-per-run",
        f"{_PAGE}, thresholds",
        "A run compacts its conversation once, for all its agents; usage, details and record say "
        "so, and the calls it took are the run's.",
    ),
    Requirement(
        "compaction-doors:fit",
        f"{_PAGE}, thresholds",
        "A conversation goes to the compactor when it is past the threshold of the narrowest "
        "model, or holds a sealed item, and else not.",
    ),
    Requirement(
        "compaction-doors:degrade",
        f"{_PAGE}, guarantees",
        "Without the compactor a run goes on with the conversation as it is, unless a part of it "
        "is sealed.",
    ),
    Requirement(
        "compaction-doors:overflow",
        f"{_PAGE}, thresholds",
        "Where a backend finds a conversation too long it is compacted and asked again, once.",
    ),
    Requirement(
        "compaction-doors:lane",
        "architecture.md, three lanes",
        "A plain model's conversation that is past the threshold, managed or partly sealed is a "
        "run; any other keeps its lane.",
    ),
    Requirement(
        "compaction-doors:endpoint",
        f"{_CONTRACT}, 3.1",
        "/v1/responses/compact returns the kept messages and one sealed item, last; passed back "
        "with new input they continue the conversation.",
    ),
    Requirement(
        "compaction-doors:portable",
        f"{_PAGE}, envelope",
        "An item that one vendor's model made continues on another's, and in a panel.",
    ),
    Requirement(
        "compaction-doors:stored",
        f"{_CONTRACT}, 3.2",
        "A compaction's id is stored, can be read and be continued.",
    ),
    Requirement(
        "compaction-doors:trigger",
        f"{_CONTRACT}, 3.4",
        "A final compaction_trigger is answered by exactly one item, of type compaction, whatever "
        "tools are offered.",
    ),
    Requirement(
        "compaction-doors:no-churn",
        f"{_PAGE}, thresholds",
        "A client that sends everything each time is not compacted anew at each turn.",
    ),
    Requirement(
        "compaction-doors:counted",
        f"{_CONTRACT}, 4",
        "/v1/responses/input_tokens counts a sealed item as what it opens to.",
    ),
    Requirement(
        "compaction-doors:context-management",
        f"{_CONTRACT}, 3.3",
        "Past the client's own threshold the response begins with a compaction item and goes on "
        "with the answer; below it there is no item.",
    ),
    Requirement(
        "compaction-doors:sealed",
        f"{_CONTRACT}, 3.2",
        "A damaged or foreign item is refused with 400 invalid_encrypted_content.",
    ),
    Requirement(
        "compaction-doors:command",
        "conclave compact",
        "`conclave compact FILE` shows what a conversation weighs before and after.",
    ),
]
