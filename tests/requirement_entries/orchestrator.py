"""What a panel's run promises."""

from tests.requirements import Requirement

ENTRIES = [
    Requirement(
        "coordination:ballots:latin-square",
        "coordination.md, bars",
        "Each answer stands in each slot of the ballots exactly once over the voters that see it.",
    ),
    Requirement(
        "coordination:ballots:own-answer",
        "coordination.md, what to do better",
        "A voter's own answer is off its ballot by default, and last where it may be seen.",
    ),
    Requirement(
        "coordination:ballots:labels",
        "coordination.md, bars",
        "Labels cannot be linked to agents, places, other voters' labels or other rounds.",
    ),
    Requirement(
        "coordination:ballots:repair",
        "coordination.md, the core, 3",
        "An unusable ballot gets one repair attempt; after that its voter abstains.",
    ),
    Requirement(
        "coordination:ballots:skipped",
        "coordination.md, the core, 1 and 2",
        "With one answer or one cluster there is no ballot, and the metadata says so.",
    ),
    Requirement(
        "coordination:ballots:no-campaign",
        "tenancy-reliability.md, security",
        "A candidate's text cannot close its fence, open another or speak to the voter.",
    ),
    Requirement(
        "coordination:clusters:exact",
        "coordination.md, the core, 2",
        "Numbers, choices, JSON, code and short texts that say the same form one cluster.",
    ),
    Requirement(
        "coordination:clusters:prose",
        "coordination.md, the core, 2",
        "Reworded prose is one answer; a different number or negation makes it two.",
    ),
    Requirement(
        "coordination:rule:weighted",
        "coordination.md, the core, 4",
        "The score is the sum of a cluster's weights plus lambda times pooled Borda.",
    ),
    Requirement(
        "coordination:rule:ties",
        "coordination.md, what to do better",
        "Ties fall by Copeland, approvals and a keyed hash, never by registration.",
    ),
    Requirement(
        "coordination:rule:plurality",
        "coordination.md, the core, 4",
        "MassGen's plurality stays available for comparison.",
    ),
    Requirement(
        "coordination:condorcet",
        "coordination.md, bars",
        "The engine's majority meets the exact Condorcet value within 3 sigma.",
    ),
    Requirement(
        "coordination:early-stop",
        "coordination.md, the core, 3",
        "Ballots are cut only when no outcome of theirs could change the winner.",
    ),
    Requirement(
        "coordination:grace",
        "coordination.md, what to do better",
        "Once a quorum has answered, stragglers get half of the time so far, then are cut.",
    ),
    Requirement(
        "coordination:slow-model-heard",
        "coordination.md, bars",
        "A model steadily four times slower than the others is heard, by default.",
    ),
    Requirement(
        "coordination:stragglers",
        "coordination.md, bars",
        "With 3 % stragglers of 6x the answering phase's p95 is half of waiting for all.",
    ),
    Requirement(
        "coordination:hedge",
        "coordination.md, what to do better",
        "With hedging on, a call past its rolling p95 gets one twin; the first back counts.",
    ),
    Requirement(
        "coordination:budgets",
        "coordination.md, the core, 7",
        "Each call's worst case is authorised before it starts; what is refused is worked around.",
    ),
    Requirement(
        "coordination:refine",
        "coordination.md, the core, 5",
        "Without agreement the top two authors refine, at most so many rounds, then vote only.",
    ),
    Requirement(
        "coordination:present",
        "coordination.md, the core, 6",
        "Exactly one mouth presents; verbatim text hashes to the voted answer's hash.",
    ),
    Requirement(
        "coordination:fail-k-of-n",
        "coordination.md, bars",
        "Any k of n agents failing in any way still gives an answer.",
    ),
    Requirement(
        "coordination:all-failing",
        "tenancy-reliability.md, faults",
        "All agents failing gives one typed error whose status says what all of them met.",
    ),
    Requirement(
        "coordination:terminates",
        "architecture.md, invariant 2",
        "Under any schedule a run ends once, within its bounds of calls and time.",
    ),
    Requirement(
        "coordination:replay",
        "coordination.md, bars",
        "The same seed and transcript give a byte-equal log; a changed log is found out.",
    ),
    Requirement(
        "coordination:tools:lead",
        "coordination.md, tools",
        "One agent drives the client's tools; its text is reviewed by the panel.",
    ),
    Requirement(
        "coordination:tools:vote",
        "coordination.md, tools",
        "All agents propose calls and the largest cluster of equal calls wins.",
    ),
    Requirement(
        "coordination:tools:resume",
        "coordination.md, tools",
        "A tool result goes on from the run that asked for it; only its key gets its drafts.",
    ),
    Requirement(
        "coordination:tools:off",
        "coordination.md, tools",
        "With tools off, or withheld by the client, no agent can call one.",
    ),
    Requirement(
        "coordination:prompts:order",
        "coordination.md, the core, 8",
        "Nothing per run, agent or phase stands before the end of the conversation.",
    ),
    Requirement(
        "coordination:prompts:parameters",
        "coordination.md, what to do better",
        "Answers carry the client's parameters; ballots have their own and no stop sequence.",
    ),
    Requirement(
        "orchestrator:runs:panel-of-three",
        "coordination.md, bars",
        "A panel of three takes at most 7 upstream calls, those of a phase at once.",
    ),
    Requirement(
        "orchestrator:runs:one-end",
        "architecture.md, internal endpoints, 1",
        "Every run says run.started first and exactly one run.ended last, on every path.",
    ),
    Requirement(
        "orchestrator:runs:hang-up",
        "architecture.md, invariant 4",
        "A client that hangs up frees every upstream call within 250 ms, in every phase.",
    ),
    Requirement(
        "orchestrator:runs:cancel",
        "architecture.md, internal endpoints, 3",
        "A run can be cancelled by its id; asking again says what became of it.",
    ),
    Requirement(
        "orchestrator:runs:idempotent",
        "architecture.md, internal endpoints, 1",
        "The same run id joins the run under way, and is refused once it has ended.",
    ),
    Requirement(
        "orchestrator:runs:bounded",
        "architecture.md, invariant 2",
        "More runs than allowed are refused with 503, and a draining process starts none.",
    ),
    Requirement(
        "orchestrator:runs:detached",
        "architecture.md, internal endpoints, 1 and 2",
        "A detached run outlives its connection and can be followed from any event on.",
    ),
    Requirement(
        "orchestrator:records:tenant",
        "architecture.md, invariant 5",
        "A run's record, events and cancellation are another team's 404.",
    ),
    Requirement(
        "orchestrator:records:recomputable",
        "coordination.md, the core",
        "A stored record holds the log from which its decision is recomputed.",
    ),
    Requirement(
        "orchestrator:records:redacted",
        "architecture.md, internal endpoints, 4",
        "A record shows answers only when they are asked for.",
    ),
    Requirement(
        "orchestrator:journal:before-first-byte",
        "tenancy-reliability.md, the ledger",
        "A call is journalled before it leaves; without a journal nothing leaves.",
    ),
    Requirement(
        "orchestrator:journal:exact",
        "coordination.md, bars",
        "A run's usage is the vendor's own count for every call that ended regularly.",
    ),
    Requirement(
        "orchestrator:journal:interrupted",
        "tenancy-reliability.md, the ledger",
        "What a dead process left open is closed as interrupted once its lease has run out.",
    ),
    Requirement(
        "orchestrator:progress",
        "coordination.md, one stream out",
        "Progress comes at most four times a second and holds nothing of an answer.",
    ),
    Requirement(
        "orchestrator:structured-output",
        "openai-contract.md, 1.1 response_format",
        "A strict schema is satisfied by what is delivered: checked, repaired once, or failed.",
    ),
    Requirement(
        "orchestrator:traces",
        "observability-load.md, names",
        "A run is one trace tree: workflow, round, agent, model call; no orphan.",
    ),
    Requirement(
        "orchestrator:usage:looked-up",
        "coordination.md, bars; tenancy-reliability.md, ledger",
        "Calls cut before their usage came are exact in the run's record after a look-up.",
    ),
    Requirement(
        "orchestrator:telemetry:no-content",
        "architecture.md, invariant 7",
        "Nothing of a prompt or an answer is in logs, metrics or traces.",
    ),
]
