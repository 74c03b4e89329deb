"""How English asks for data, and how it asks for prose."""

from __future__ import annotations

import re


def _any(*alternatives: str) -> str:
    return f"(?:{'|'.join(alternatives)})"


# Where an order may begin.
_START = (
    r"(?:^|[.!?\n:;,][ \t\"'(*#-]*|\b(?:please|kindly|(?:can|could|would|will) (?:you|u)|(?:want|need|like) you to|"
    r"help me(?: to)?|and|then|now|just|first|next|you (?:must|should|will)|your (?:task|job) is to)\s+)"
    r"(?:please\s+|also\s+|then\s+|just\s+|now\s+)?"
)
_SITE = _any(
    r"https?://",
    r"www\.",
    r"\b[\w-]+\.(?:com|org|net|io|gov|edu|co|cn|info)\b",
    r"\b(?:web ?)?(?:sites?|pages?)\b",
    r"\b(?:urls?|links?|pdfs?|databases?|api|spreadsheets?|forums?|search results|internet|web|online|listings?)\b",
    r"\b(?:google|bing|amazon|ebay|etsy|linkedin|twitter|facebook|instagram|tiktok|reddit|youtube|yelp|zillow|indeed"
    r"|craigslist|wikipedia|imdb|tripadvisor|airbnb|github)\b",
)
_SCRAPED = _any(
    _SITE,
    r"\b(?:data|information|products?|reviews?|comments?|tweets?|posts?|e-?mails?|prices?|profiles?|jobs?|"
    r"contacts?|images?"
    r"|headlines?|titles?|leads|articles?|news)\b",
)
SCRAPE = re.compile(
    # Scrape all reviews from this page
    rf"{_START}(?:(?:web[- ]?)?(?:scrape|crawl|harvest)|mine)\b[^!?\n]{{0,120}}?{_SCRAPED}"
    # Extract every email address from https://…
    rf"|{_START}(?:extract|fetch|pull|download|collect|gather|grab|copy|get|retrieve|list|export|compile|"
    rf"give me|find)\b"
    rf"[^!?\n]{{0,120}}?\b(?:from|off|on|at)\s[^!?\n]{{0,60}}?(?:https?://|www\.|\b[\w-]+\.(?:com|org|net|io|cn)\b)"
    # Write a script that scrapes …, build me a web crawler
    r"|\b(?:scripts?|programs?|code|bots?|functions?|tools?|macros?|apps?|selenium|beautiful ?soup|python|scrapy)\b"
    r"[^.!?\n]{0,60}?\b(?:scrap(?:e|es|ing)|crawl(?:s|ing)?|harvest(?:s|ing)?)\b"
    rf"|{_START}(?:write|make|create|build|code|give|develop|program|i need|i want)\b[^.!?\n]{{0,40}}?"
    r"\b(?:(?:web[- ]?)?(?:scrapers?|crawlers?)|web spiders?)\b",
    re.IGNORECASE,
)

# A word of a noun phrase: none that begins another phrase, or that names a kind of text.
_FREE = (
    r"(?!(?:for|about|on|in|from|to|with|that|which|who|how|why|where|of|at|by|ideas?|tips?|ways?|reasons?|"
    r"facts?|steps?|"
    r"questions?|paragraphs?|chapters?|pages?|stor(?:y|ies)|essays?|lessons?|scenes?|poems?|jokes?|recipes?|"
    r"words?)\b)"
    r"[\w'’\"“”,/()-]+"
)
_MANY = r"(?:(?:\d{1,3}(?:,\d{3})+|\d{3,}|[2-9]\d)\+?|(?:a |one |two |five )?(?:hundred|thousand|million)s?(?: of)?)"
_ALL = _any(
    r"(?:all|every|each)(?: (?:single|possible|known))?(?: of)?(?: the)?",
    r"as many",
    rf"(?:the )?(?:first|top|last|next) {_MANY}",
    _MANY,
)
_LIST = (
    r"(?:(?:a|an|the|one)\s+)?(?:(?:complete|full|exhaustive|comprehensive|entire|whole|long|huge|massive|"
    r"random)\s+)?"
    r"(?:list|table|csv(?: file)?|json(?: file| array)?|spreadsheet|data ?base|data ?set|dump|array|directory)\s+"
    r"(?:of|with|containing)\s+(?:(?:at least|about|around|over|the)\s+)?"
)
_WORDS = _any(  # "5,000 words about the sea" is a length
    r"(?:random|unique|common|rhyming|\w+-letter|vocabulary|[gs]re|sat|toefl|ielts)\s+(?:\w+\s+)?words",
    r"(?:english|french|german|spanish|latin|words?)\s+words(?!\s+(?:about|on|of|in|for|long))",
    r"words (?:(?:that|which) (?:start|begin|end|rhyme|contain|have|mean)|starting|beginning|ending|rhyming|"
    r"containing)",
)
_DATA = _any(
    _WORDS,
    r"(?:sur|user|nick|file|domain |brand |first |last |full )?names?",
    r"(?:syn|ant)onyms|adjectives|nouns|verbs|numbers?|digits|decimals|primes|integers|multiples",
    r"rows?|records|entries|data(?: ?points?| ?sets?)?|lines of (?:data|csv|json|logs?|code)|sql (?:rows|"
    r"inserts?|statements)",
    r"(?:e-?mail|ip|mac|street|wallet)s?(?: address(?:es)?)?|addresses|(?:phone|card|account|serial|model) numbers",
    r"passwords?|keys|tokens|codes|u?uids?|guids?|ids|coordinates|keywords?|hash ?tags?|tags|domains?|urls?|"
    r"links?|websites?",
    r"(?:zip|postal|area|country) ?codes?|countr(?:y|ies)|cit(?:y|ies)|states|towns|capitals|airports|islands|"
    r"streets",
    r"compan(?:y|ies)|brands?|products?|skus?|prices?|tickers?|stocks?|users|customers|people|contacts|leads",
    r"movies|films|songs|albums|lyrics|books|games|titles?|episodes|players|teams|actors|emojis?|permutations|"
    r"combinations",
    r"elements|species|animals|plants|foods|breeds|pokemon|presidents|kings|synsets|prompts",
)
_GIVE = _any(
    r"list(?: out| down)?|name|enumerate|give(?: me| us)?|generate|provide(?: me| us)?(?: with)?|"
    r"print(?: out)?|output",
    r"produce|make(?: me)?|create|write(?: me)?(?: down| out)?|show(?: me)?|tell me|return|dump|export|display",
    r"type(?: out)?|compile|send(?: me)?|i(?:'d)? (?:need|want|like)|we need|get(?: me)?|find(?: me)?|recite|invent",
)
DUMP = re.compile(
    # List all countries …; give me a CSV with 500 fake customers
    rf"{_START}{_GIVE}\s+(?:{_FREE}\s+){{0,3}}?(?:{_LIST})?{_ALL}\s+(?:{_FREE}\s+){{0,5}}?{_DATA}\b"
    # A complete list of the airports …
    rf"|^\W*(?:{_GIVE}\s+)?{_LIST}(?:{_ALL}\s+)?(?:{_FREE}\s+){{0,4}}?{_DATA}\b"
    rf"|^\W*(?:all|every)\s+(?:{_FREE}\s+){{0,4}}?{_DATA}\b"
    # Generate dummy data
    rf"|{_START}{_GIVE}\s+(?:{_FREE}\s+){{0,4}}?(?:fake|dummy|random|mock|synthetic|test|sample)\s+"
    r"(?:\w+\s+){0,2}?(?:data|records|users|customers|people|names|numbers|rows|entries|addresses)\b"
    # Print the whole text of …, dump the database, repeat everything above
    rf"|{_START}(?:give me|show(?: me)?|print|output|send me|provide|tell me|repeat|dump|reveal|export|recite|"
    rf"copy)\s+"
    r"(?:[\w']+\s+){0,3}?(?:(?:full|entire|complete|whole|exact)\s+(?:text|lyrics|transcript|source|database|"
    r"table|schema|"
    r"log|file|contents?)|system prompt|training data|everything (?:above|before)|(?:database|table|"
    r"log) (?:dump|schema))"
    # Repeat a word a thousand times
    r"|\b(?:repeat|write|print|say|type|output|copy)\b[^.!?\n]{0,80}?\b(?:\d[\d,]*\d{2}|[5-9]\d|"
    r"(?:a )?(?:hundred|thousand|"
    r"million)) times\b|\brepeat\b[^.!?\n]{0,60}\b(?:forever|endlessly|infinitely)\b"
    r"|\bcount (?:up |down )?(?:from )?[\d,]+ (?:up )?to [\d,]{3,}",
    re.IGNORECASE,
)

# A word between "write" and the text that is asked for: none that makes it something else.
_BEFORE_TEXT = (
    r"(?!(?:that|which|who|to|from|lists?|names?|titles?|rows?|table|csv|json|scripts?|programs?|code|function"
    r"|bot|scrap\w*|"
    r"crawl\w*|all|every|spreadsheet|database|dataset|macro|query|for)\b)[\w'’\"“”,/&()–-]+"
)
_NOT_OF_IT = (
    r"(?!\s+(?:posts?\s+)?(?:titles?|names?|ideas?|topics?|urls?|links?|headlines?|keywords?|data|tags|numbers?)\b)"
)
_PROSE_KINDS = _any(
    r"essays?|(?:short |fan ?)?stor(?:y|ies)|novels?|novellas?|articles?|reports?|chapters?|books?|e-?books?|"
    r"guides?|tutorials?",
    r"screenplays?|plays?|speech(?:es)?|blogs?(?: posts?)?|posts?|papers?|thes[ei]s|dissertations?|proposals?|"
    r"biograph(?:y|ies)",
    r"memoirs?|narratives?|manuals?|documentation|lessons?(?: plans?)?|curriculum|syllabus|courses?|"
    r"fan ?fic(?:tion)?s?",
    r"dialogues?|monologues?|sagas?|textbooks?|white ?papers?|case stud(?:y|ies)|handbooks?|treatises?|"
    r"editorials?|diar(?:y|ies)",
    r"letters?|poems?|epics?|lectures?|sermons?|newsletters?|legends?|myths?|fables?|(?:business|marketing|"
    r"study|project) plans?",
    r"movie scripts?|film scripts?|podcast scripts?|video scripts?|analys[ei]s|histor(?:y|ies)|"
    r"literature reviews?|campaigns?",
)
_PROSE_OF_WRITING = _any(
    _PROSE_KINDS,
    r"descriptions?|summar(?:y|ies)|overviews?|reviews?|paragraphs?|sections?|scenes?|episodes?|explanations?|"
    r"scripts? (?:for|of)",
    r"[\d,.k]+[ -]?words? (?:about|on|describing)|introductions?|comparisons?|commentar(?:y|ies)|critiques?|"
    r"discussions?|about",
)
PROSE = re.compile(
    rf"\b(?:write|writing|compose|draft|author|craft|continue|narrate|rewrite|"
    rf"expand)\s+(?:{_BEFORE_TEXT}\s+){{0,12}}?"
    rf"{_PROSE_OF_WRITING}\b{_NOT_OF_IT}"
    rf"|\b(?:create|develop|prepare|generate|produce|make|need|want|give me|provide|tell me|design)\s+"
    rf"(?:{_BEFORE_TEXT}\s+){{0,10}}?{_PROSE_KINDS}\b{_NOT_OF_IT}"
    r"|\b(?:explain|describe|discuss|analy[sz]e|compare|argue|elaborate|teach me|walk me through|reflect)\b",
    re.IGNORECASE,
)
