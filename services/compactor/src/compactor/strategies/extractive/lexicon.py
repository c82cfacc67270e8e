"""How common English words are, in three steps; the language's own, whatever the conversation.

A conversation of some thousand words cannot tell a rare word from one it happens to use once.
Other languages have no list here: there only the conversation's own frequencies count.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache


class Commonness(IntEnum):
    GRAMMAR = 0
    SMALL_TALK = 1
    EVERYDAY = 2
    INFORMATIVE = 3


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NEGATIONS = _words(
    """
    no not never none nobody nothing neither nor without cannot can't don't doesn't didn't won't
    wouldn't shouldn't couldn't isn't aren't wasn't weren't hasn't haven't hadn't
    """
)

FIRST_PERSON = _words("i me my mine we us our ours i'm i've i'd i'll we're we've we'd")
SECOND_PERSON = _words("you your yours you're you've you'd you'll")

# What places a fact in time; also the words that answer "when".
TIME_CUES = _words(
    """
    yesterday today tomorrow tonight ago last next week weeks weekend month months year years
    monday tuesday wednesday thursday friday saturday sunday january february march april may june
    july august september october november december spring summer autumn winter birthday
    anniversary christmas
    """
)

# What instructs or decides for later turns, and what explains a failure.
DECISION_CUES = _words(
    """
    always never must required require requires forbidden prefer prefers preferred decided decide
    decision agreed instead because therefore unless only remember important deadline allergic
    hates favorite favourite error failed fails fixed cannot todo note warning
    """
)

# Words that carry grammar and no matter.
_GRAMMAR = _words(
    """
    a about above across after again against all almost along already also although am among an
    and another any anybody anyone anything are aren't around as at be because been before
    behind being below beside besides between beyond bit both but by can can't could couldn't
    did didn't do does doesn't doing don't done down during each either else even ever every
    everybody everyone everything except few for from gonna gotta had hadn't has hasn't have
    haven't having he he'd he'll he's her here here's hers herself him himself his how how's i
    i'd i'll i'm i've if in inside into is isn't it it'll it's its itself just kind least less
    let let's lets like little lot lots many may maybe me might mine more most much must my
    myself near neither never no nobody none nor not nothing now of off on once one ones oneself
    only onto or other others ought our ours ourselves out outside over own per perhaps quite
    rather really same shall she she'd she'll she's should shouldn't since so some somebody
    someone something sort still such than that that's the their theirs them themselves then
    there there's these they they'd they'll they're they've this those though through to too
    toward towards under unless unlike until up upon us very via wanna was wasn't we we'd we'll
    we're we've were weren't what what's when whenever where where's whereas wherever whether
    which while who who's whom whose why will with within without won't would wouldn't yet you
    you'd you'll you're you've your yours yourself yourselves
    """
)

# Courtesies, feelings in general, and verbs that say little.
_SMALL_TALK = _words(
    """
    able absolutely actually adorable ah ahead always amazing answer anyway anyways appreciate
    ask asked asking aw away awesome awful aww back bad basically beautiful believe best bet
    better big blessed brave brilliant bye calm came care careful catch certainly chat check
    checking cheers come comes coming congrats congratulations cool course crazy curious cute
    day days definitely deserve deserved different difficult easy encourage encouragement
    encouraging enjoy enjoyed enjoying enough especially exactly excellent excited exciting
    experience experiences fabulous fantastic far feel feeling feels felt find finding folks
    forward found fun funny gave get gets getting give given gives giving glad go goes going
    gone good goodbye gorgeous gosh got gotten grateful great guess guy guys haha happen
    happened happening happens happy hard hear heard hearing hello help helped helping helps hey
    hi hilarious hmm honestly hope hoping huge idea ideas imagine important impressive
    incredible indeed inspirational inspire inspired inspiring instead interesting journey joy
    keep keeping keeps kept knew know known lately later life liked likes literally lol long
    look looked looking looks love loved lovely loves luck lucky made make makes making matter
    matters mean meaningful means meant memories memory minute moment moments motivated
    motivates motivation need needed needs nice nope obviously often oh ok okay omg ooh part
    particularly people perfect person place please point positive pretty proud put puts ready
    real reason recently relaxing remember remind reminds right rooting sad said saw say saying
    says sec second see seem seemed seems seen send share shared sharing short show showed shows
    simply small sometimes soon sorry sound sounded sounds special start started starting stop
    stressful strong stuff super sure sweet take taken takes taking talk talked talking talks
    tell telling terrible terrific thank thankful thanks thing things think thinking thought
    thoughtful thoughts time times today together told tonight took totally tough tried tries
    true truly try trying ugh update updates use used using usually wait want wanted wants way
    ways weird welcome well went whole wish wishing wonder wonderful wondering work worked
    working works world worried worry worst wow wrong yay yeah yep yes
    """
)

# Common words that do carry matter, though seldom the point.
_EVERYDAY = _words(
    """
    accept according account act action active activity add added adding addition advice
    afternoon age ago agree air allow allowed alone amount apart appear apply approach april
    area arrive art aside attention august available avoid aware bank base based basic became
    become becomes becoming bed began begin beginning begun behavior benefit bigger body book
    bought break bring bringing brings brought build building built business busy buy buying
    call called calling calls cannot car card case cause center certain chance change changed
    changes changing choice choose choosing chose city clear clearly close closed closer cold
    color common community company complete completely concern condition connect connected
    connection consider continue control conversation cost country couple courage cover create
    created creating creative current currently cut daily data deal december decide decided
    decision deep depend depending describe design despite detail details develop difference
    discover discuss dream dreams drive drop due early easily eat effect effort eight end ended
    energy enter entire environment etc evening event events eventually everyday everywhere
    example expect expected expensive explain explore exploring express extra eye eyes face fact
    fall family fast favorite fear february field figure fill final finally fine finish finished
    first fit five fix focus focused follow following food form four free friday friend friendly
    friends front full fully future game general generally goal goals group grow growing grown
    growth guide half hand hands hang happiness head health healthy heart helpful high higher
    hit hold holding hot hour hours house however human ideal identify immediately impact
    improve include includes including increase information interested issue issues item items
    january job join july june key kids kinda kitchen knowing knowledge large largest last late
    latest lead learn learned learning leave leaving left lesson lessons level light likely
    limit limited line list listen listening live lived lives living local longer lose lost low
    lower main maintain major manage march mark mention mentioned message method middle mind
    miss missed mistake mix modern monday money month months mood morning move moved moves
    moving music name natural nature necessary new news next night nights nine normal note
    notice november number october offer offers office old online open opportunity option
    options order original overall pace pain paper particular party pass passion passionate past
    pay peace perform period personal phone photo photos pick picked pics picture pictures piece
    plan planned planning plans play played playing plenty plus points popular position possible
    possibly post potential power practice prepare present press pressure price prices probably
    problem problems process product program progress project projects protect provide provides
    pull purpose push quality question questions quick quickly quiet range reach read reading
    reality realize realized receive recent recommend recommendation recommendations reduce
    regular relationship relationships relax relaxation relaxed remain remove repeat replace
    report require required research resources respond response responsible rest result results
    return review role room routine rule run running safe saturday save schedule school search
    season seeing select self sense september series serious serve service set sets setting
    seven several shape side sign similar simple single sit sitting situation six size skill
    skills sleep slow slowly smile social solution solve somewhere source space speak specific
    spend spending spent spirit spot staff stage stand standard state stay stayed staying step
    steps stick stories story straight strategy strength stress study style success successful
    suggest suggestion suggestions summer sunday support supporting supportive surprise
    surprised switch system table task teach team technique ten tend term terms test three
    thrilled thursday tip tips tired title tomorrow top topic total touch touched track training
    travel traveling treat trip trust tuesday turn turned turning turns two type types typical
    typically understand understanding unique upcoming usual value variety various version view
    visit visited visiting voice waiting walk walking wall warm watch watched watching water
    wednesday week weekend weeks weight whatever white wide winter woman women word words worth
    write writing wrote year years yesterday young
    """
)

_SUFFIXES = ("'s", "s", "ing", "ed", "ly")
_SHORTEST_STEM = 3


@lru_cache(maxsize=65536)
def commonness(word: str) -> Commonness:
    """`word` in lower case with straight apostrophes; inflected forms count as their stems."""
    found = _listed(word)
    if found is not Commonness.INFORMATIVE:
        return found
    for suffix in _SUFFIXES:
        stem = word.removesuffix(suffix)
        if stem != word and len(stem) >= _SHORTEST_STEM:
            found = min(_listed(stem), _listed(stem + "e"))
            if found is not Commonness.INFORMATIVE:
                return max(found, Commonness.SMALL_TALK)
    return Commonness.INFORMATIVE


def _listed(word: str) -> Commonness:
    if word in _GRAMMAR:
        return Commonness.GRAMMAR
    if word in _SMALL_TALK:
        return Commonness.SMALL_TALK
    return Commonness.EVERYDAY if word in _EVERYDAY else Commonness.INFORMATIVE
