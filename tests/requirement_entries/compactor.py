"""What compaction promises: smaller conversations that forget little, sealed for one team."""

from tests.requirements import Requirement

_PAGE = "compaction.md"

ENTRIES = [
    Requirement(
        "compaction:policy:thresholds",
        f"{_PAGE}, thresholds",
        "Automatic compaction is due at min(75 % of the window, window - 20,000), after 20 % of "
        "growth since the last one, and between turns unless it is forced or does not fit.",
    ),
    Requirement(
        "compaction:guarantee:whole-tool-pairs",
        f"{_PAGE}, guarantees",
        "Tool calls and their results are whole or both absent, whatever history comes in.",
    ),
    Requirement(
        "compaction:guarantee:budget",
        f"{_PAGE}, guarantees",
        "A result is within its budget and smaller than its input, or nothing is changed; what "
        "must stay verbatim and takes more is signalled.",
    ),
    Requirement(
        "compaction:guarantee:second-pass",
        f"{_PAGE}, guarantees",
        "Compacting what was just compacted changes nothing.",
    ),
    Requirement(
        "compaction:guarantee:verbatim",
        f"{_PAGE}, guarantees",
        "System, developer, pinned and last user message are byte-identical after any number of "
        "generations.",
    ),
    Requirement(
        "compaction:guarantee:never-more",
        f"{_PAGE}, guarantees",
        "A sealed item never opens to more than what it was made of, however wide the window is.",
    ),
    Requirement(
        "compaction:guarantee:half-free",
        f"{_PAGE}, guarantees",
        "After an automatic compaction half of the window is free, or a signal says it cannot be.",
    ),
    Requirement(
        "compaction:extractive:deterministic",
        f"{_PAGE}, bars",
        "The extractive level gives the same bytes under every PYTHONHASHSEED.",
    ),
    Requirement(
        "compaction:extractive:retention",
        f"{_PAGE}, bars",
        "Without a model, most of what later turns ask for still stands in its own turn.",
    ),
    Requirement(
        "compaction:recall:question",
        f"{_PAGE}, levels",
        "When a sealed item is used, the turns that the live question asks for stand verbatim.",
    ),
    Requirement(
        "compaction:summary:verified",
        f"{_PAGE}, levels",
        "A summary that is empty, inflated, an error text or no summary falls to the next level; "
        "identifiers it left out are appended word for word.",
    ),
    Requirement(
        "compaction:summary:incremental",
        f"{_PAGE}, levels",
        "A summary is updated from the turns that it does not cover yet, and from no others.",
    ),
    Requirement(
        "compaction:levels:fall-through",
        f"{_PAGE}, bars",
        "When a vendor fails in any way, the next level serves, with status 200 and stated.",
    ),
    Requirement(
        "compaction:native:untouched",
        f"{_PAGE}, levels",
        "A vendor's own compaction is kept byte for byte, used only with that vendor, and a "
        "portable part is sealed beside it.",
    ),
    Requirement(
        "compaction:native:probed",
        f"{_PAGE}, levels",
        "A vendor that answers 404 or 400 is not asked to compact again for an hour.",
    ),
    Requirement(
        "compaction:native:sdk-types",
        f"{_PAGE}, levels",
        "The pinned SDK's compaction types are the ones this was written for.",
    ),
    Requirement(
        "compaction:envelope:refusals",
        f"{_PAGE}, the envelope",
        "A flipped bit, another team, an unknown or retired key, a missing part: one and the same "
        "400 invalid_encrypted_content.",
    ),
    Requirement(
        "compaction:envelope:rotation",
        f"{_PAGE}, the envelope",
        "The newest key seals, any that is not retired opens; a rotation loses nothing.",
    ),
    Requirement(
        "compaction:envelope:size",
        f"{_PAGE}, the envelope",
        "A sealed item takes at most 1.8 bytes for each token it stands for and 2 KiB.",
    ),
    Requirement(
        "compaction:cache:single-flight",
        f"{_PAGE}, the envelope",
        "A repeat makes no vendor call, concurrent identical requests make one, and it is "
        "cancelled when the last caller leaves.",
    ),
    Requirement(
        "compaction:stateless-reuse",
        f"{_PAGE}, the envelope",
        "A client that sends everything again gets the compaction of its conversation's beginning.",
    ),
    Requirement(
        "compaction:doors:one-item",
        "OpenAI wire contract, 3.1",
        "An explicit compaction returns the user messages verbatim, then exactly one item.",
    ),
    Requirement(
        "compaction:continues-elsewhere",
        f"{_PAGE}, bars",
        "An item made for one backend continues on another.",
    ),
    Requirement(
        "compaction:bill-once",
        f"{_PAGE}, the envelope",
        "The calls of a compaction are reported to exactly one caller.",
    ),
]
