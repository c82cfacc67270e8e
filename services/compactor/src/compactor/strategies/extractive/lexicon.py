"""How common English words are, in three steps; the language's own, whatever the conversation.

A conversation of some thousand words cannot tell a rare word from one it happens to use once. Of
German, French, Spanish, Italian, Portuguese and Dutch only the words of grammar are listed, those
that mean nothing else in English; of other languages none. There the conversation's own frequencies
have to tell the rest.
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

THIRD_PERSON = _words("he she they him his her hers them their theirs he's she's they're")

# An answer often follows one: where, when, with whom, about what.
PREPOSITIONS = _words(
    """
    in at on from with by for of about into near under through during around
    """
)

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

_GRAMMAR_ELSEWHERE = _words(
    """
    aan abbiamo aber adesso agli agora ahora ainda algo alguien alguna algún alla alle alleen
    allem allen aller alles allí als altijd anche ancora andere anderen anders antes ao aos
    aquel aquela aquele aquella aqui aquí assim así até au auch auf aunque aus aux avait avec
    avere aveva avevo avez avoir avons aún bei beim bem bien bij bis bist c'est cada casi ce
    cela ces cette ceux che chez chi ci ciò com comme comment como con contra cosa così cual
    cuando cui cuál cuándo cómo d'un d'une dabei dadurch dafür dagegen daher dal dalla damit
    dann dans daran darauf daraus darf darin darum darüber dass dat davon davor dazu de degli
    dei dein deine deinem deinen deiner del dela dele deles della delle dello dem denen denn
    depois depuis der deren des desde deshalb dessen deze di dich dir dit doch doen doet donc
    donde dopo dort du durch dus dónde eben ecco een eens ein eine einem einen einer eines
    einmal ela elas ele eles ellas elle elles ellos em en encore entonces entre então er eran
    erano eres es esa ese eso essa esse essere est esta estaba estamos estar estas estava este
    esto estos estou estoy está están et etwas eu euch euer eure eux fa faire fait faz foi
    foram fra fue fueron für gaan gaat ganz geen geht gern gerne gibt già gli goed gracias haar
    habe haben haber había hace hacer hacia hai hanno hasta hatte hatten heb hebben heeft het
    hier hij hinter ho hätte hätten ich iets ihm ihn ihnen ihr ihre ihrem ihren ihrer ik il ils
    im immer ins invece io irgendwie isso ist isto j'ai ja jaar jamais je jede jeden jeder
    jedes jemand jetzt jij jouw jullie jusqu já kann kannst kein keine keinen keiner kunnen
    können könnte l'on le leur leurs lhe loro luego lui là lá lì maar machen macht mais meer
    mehr mein meine meinem meinen meiner meno mes mesmo meu meus mi mich mie miei mij mijn
    minha minhas mio mir mis moet moeten moi moins molto mucha muchas mucho muchos muita muito
    muss musst muy más même müssen n'est naar nach nadie nas ne nee negli nel nella nelle nem
    nessa nesse nessuno neste nicht nichts niente niet niets noch nog noi nos nosotros nossa
    nosso nostra nostro notre nous nu nuestra nuestro nulla num numa nunca nur não ob oder ogni
    ohne om omdat onder ons onze ook op otra otro otros ou où parce pela pelo perché pero però
    peu peut più poco pode podría poi por porque possa posso pourquoi pourrait pouvoir pra
    prima puede puedo pues può qu qu'il qua qualche quale quand quando quanto que quel quella
    quelle quelli quello quelque quem questa queste questi questo qui quien quindi quién quoi
    qué sans schon se según sehr sei seid sein seine seinem seinen seiner seit selbst sem
    sempre senza ser será ses seu seus si siamo sich sido sie siempre siete sim sind sobre soll
    sollen sollte sono sonst sont sopra sotto sous soy sta stata stato stesso sto su sua suas
    sui suis sul sulla suo suoi sus são sí só también também tanto te tem tener tengo tenho tes
    teu teve tiene tienen tinha toch toda todas todavía todos toen toi toujours tous tout toute
    toutes tra troppo très tu tua tudo tue tuo tus tutta tutte tutti tutto tá têm tú uit uma
    umas un un'altra una und une unos uns unser unsere unseren unter usted va vamos veel vers
    vi viel vielleicht você vocês voici voilà volta vom von voor vor vos votre vou vous voy
    waar waarom wann wanneer waren warst warum wat weer weil weiter wel welche welcher wenn wer
    werd werde werden wie wieder wij wil wir wird wirklich wo wollen worden wordt wurde wurden
    wäre wären würde würden yo zal zelf zich zij zijn zonder zou zu zullen zum zur zwar
    zwischen à às ça è é él étais était été être über
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
    if word in _GRAMMAR_ELSEWHERE:
        return Commonness.GRAMMAR
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
