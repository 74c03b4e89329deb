"""How English asks for data, and how it asks for prose."""

from __future__ import annotations

import re


def _any(*alternatives: str) -> str:
    return f"(?:{'|'.join(alternatives)})"


def _listed(words: str) -> str:
    """Alternatives out of words between blanks; an underscore stands for a blank inside of one."""
    return _any(*(word.replace("_", " ") for word in words.split()))


# Where an order may begin: after it the patterns of orders are tried, and nowhere else.
_START = re.compile(
    r"(?:^|[.!?\n:;,][ \t\"'(*#-]*|\b(?:please|kindly|(?:can|could|would|will) (?:you|u)|(?:want|need|like) you to|"
    r"help me(?: to)?|and|then|now|just|first|next|you (?:must|should|will)|your (?:task|job) is to)\s+)"
    r"(?:(?:please|also|then|just|now)\s+){0,2}",
    re.IGNORECASE,
)

# --- scraping

_ADDRESS = r"(?:https?://|www\.|\b[\w-]+\.(?:com|org|net|io|gov|edu|co|cn|info)\b)"
_SITES = _listed(
    "web_?sites? sites? web_?pages? pages? urls? links? pdfs? databases? api spreadsheets? forums? search_results "
    "internet web online listings? google bing amazon ebay etsy linkedin twitter facebook instagram tiktok reddit "
    "youtube yelp zillow indeed craigslist wikipedia imdb tripadvisor airbnb github"
)
_SCRAPED = _listed(
    "data information products? reviews? comments? tweets? posts? e-?mails? prices? profiles? jobs? contacts? "
    "images? headlines? titles? leads articles? news"
)
_FETCH = _listed("extract fetch pull download collect gather grab copy get retrieve list export compile give_me find")
_PROGRAMS = _listed(
    "scripts? programs? code bots? functions? tools? macros? apps? selenium beautiful_?soup python scrapy"
)
_SCRAPE = _any(
    # Scrape all reviews from this page
    rf"(?:(?:web[- ]?)?(?:scrape|crawl|harvest)|mine)\b[^!?\n]{{0,120}}?(?:{_ADDRESS}|\b(?:{_SITES}|{_SCRAPED})\b)",
    # Extract every email address from https://…
    rf"{_FETCH}\b[^!?\n]{{0,120}}?\b(?:from|off|on|at)\s[^!?\n]{{0,60}}?{_ADDRESS}",
    # Build me a web crawler
    r"(?:write|make|create|build|code|give|develop|program|i need|i want)\b[^.!?\n]{0,40}?"
    r"\b(?:(?:web[- ]?)?(?:scrapers?|crawlers?)|web spiders?)\b",
)
# Write a script that scrapes …
_SCRAPER = re.compile(
    rf"\b{_PROGRAMS}\b[^.!?\n]{{0,60}}?\b(?:scrap(?:e|es|ing)|crawl(?:s|ing)?|harvest(?:s|ing)?)\b", re.IGNORECASE
)
_HAS_SCRAPER = re.compile("scrap|crawl|harvest", re.IGNORECASE)

# --- dumping

# A word of a noun phrase: none that begins another phrase, or that names something to be told.
_NOT_FREE = _listed(
    "for about on in from to with that which who how why where of at by ideas? tips? ways? reasons? facts? steps? "
    "questions? paragraphs? chapters? pages? stor(?:y|ies) essays? lessons? scenes? poems? jokes? recipes? words?"
)
_FREE = rf"(?!{_NOT_FREE}\b)[\w'’\"“”,/()-]+"
_MANY = r"(?:(?:\d{1,3}(?:,\d{3})+|\d{3,}|[2-9]\d)\+?|(?:a |one |two |five )?(?:hundred|thousand|million)s?(?: of)?)"
_ALL = _any(
    r"(?:all|every|each)(?: (?:single|possible|known))?(?: of)?(?: the)?",
    r"as many",
    rf"(?:the )?(?:first|top|last|next) {_MANY}",
    _MANY,
)
_LIST = (
    r"(?:(?:a|an|the|one)\s+)?"
    r"(?:(?:complete|full|exhaustive|comprehensive|entire|whole|long|huge|massive|random)\s+)?"
    r"(?:list|table|csv(?: file)?|json(?: file| array)?|spreadsheet|data ?base|data ?set|dump|array|directory)\s+"
    r"(?:of|with|containing)\s+(?:(?:at least|about|around|over|the)\s+)?"
)
_WORDS = _any(  # "5,000 words about the sea" is a length
    r"(?:random|unique|common|rhyming|\w+-letter|vocabulary|[gs]re|sat|toefl|ielts)\s+(?:\w+\s+)?words",
    r"(?:english|french|german|spanish|latin)\s+words(?!\s+(?:about|on|of|in|for|long))",
    r"words (?:that|which) (?:start|begin|end|rhyme|contain|have|mean)",
    r"words (?:starting|beginning|ending|rhyming|containing)",
)
_DATA = _any(
    _WORDS,
    _listed(
        "(?:sur|user|nick|file)?names? synonyms antonyms adjectives nouns verbs numbers? digits decimals primes "
        "integers multiples rows? records entries data(?:_?points?|_?sets?)? "
        "lines_of_(?:data|csv|json|logs?|code) sql_(?:rows|inserts?|statements) e-?mails? addresses "
        "(?:e-?mail|ip|mac|street|wallet)_address(?:es)? (?:phone|card|account|serial|model)_numbers passwords? "
        "keys tokens codes u?uids? guids? ids coordinates keywords? hash_?tags? tags domains? urls? links? "
        "websites? (?:zip|postal|area|country)_?codes? countr(?:y|ies) cit(?:y|ies) states towns capitals "
        "airports islands streets compan(?:y|ies) brands? products? skus? prices? tickers? stocks? users "
        "customers employees people (?:\\w+-)?pairs contacts leads movies films songs albums lyrics books games "
        "titles? episodes players? teams actors emojis? permutations combinations elements species animals plants "
        "foods breeds pokemon presidents kings prompts restaurants hotels"
    ),
)
_GIVE = _any(
    r"(?:list|print|type|write|read)(?: me)?(?: out| down)?",
    r"(?:give|provide|show|make|send|get|find|tell|generate|create|produce)(?: me| us)?(?: with)?",
    _listed("name enumerate output return dump export display compile recite invent i_need i_want i'd_like we_need"),
)
_FAKE = _listed("fake dummy random mock synthetic test sample")
_FAKED = _listed("data records users customers employees people (?:\\w+-)?pairs names numbers rows entries addresses")
_REVEAL = _any(
    r"(?:give|show|send|tell)(?: me)?", _listed("print output provide repeat dump reveal export recite copy")
)
_WHOLE = _any(
    r"(?:full|entire|complete|whole|exact)\s+"
    + _listed("text lyrics transcript source database table schema log file contents?"),
    _listed("system_prompt training_data everything_(?:above|before) (?:database|table|log)_(?:dump|schema)"),
)
_DUMP = _any(
    # List all countries …; give me a CSV with 500 fake customers
    rf"{_GIVE}\s+(?:{_FREE}\s+){{0,3}}?(?:{_LIST})?{_ALL}\s+(?:{_FREE}\s+){{0,5}}?{_DATA}\b",
    # Write down the names of all …; print the numbers from 1 to 5000
    rf"{_GIVE}\s+(?:{_FREE}\s+){{0,3}}?{_DATA}\s+of\s+(?:{_ALL})\s",
    rf"{_GIVE}\s+(?:{_FREE}\s+){{0,3}}?numbers (?:from|between) \d+ (?:to|and) \d[\d,]*\d{{2}}",
    # Generate dummy data
    rf"{_GIVE}\s+(?:{_FREE}\s+){{0,4}}?{_FAKE}\s+(?:\w+\s+){{0,2}}?{_FAKED}\b",
    # Print the whole text of …, dump the database, repeat everything above
    rf"{_REVEAL}\s+(?:[\w']+\s+){{0,3}}?{_WHOLE}\b",
)
# A complete list of the airports …; all elements with their weights
_HEADLESS = re.compile(
    rf"\W*(?:(?:{_GIVE}\s+)?{_LIST}(?:{_ALL}\s+)?(?:{_FREE}\s+){{0,4}}?{_DATA}\b"
    rf"|(?:all|every)\s+(?:{_FREE}\s+){{0,4}}?{_DATA}\b)",
    re.IGNORECASE,
)
# Write it a thousand times; count to 10,000
_OVER_AND_OVER = re.compile(
    r"\b(?:repeat|write|print|say|type|output|copy)\b[^.!?\n]{0,80}?"
    r"\b(?:\d[\d,]*\d{2}|[5-9]\d|(?:a )?(?:hundred|thousand|million)) times\b"
    r"|\brepeat\b[^.!?\n]{0,60}\b(?:forever|endlessly|infinitely)\b"
    r"|\bcount (?:up |down )?(?:from )?[\d,]+ (?:up )?to [\d,]{3,}",
    re.IGNORECASE,
)
_HAS_OVER_AND_OVER = re.compile("times|repeat|count", re.IGNORECASE)
_ORDER = re.compile(f"{_SCRAPE}|{_DUMP}", re.IGNORECASE)

# --- prose

# A word between "write" and the text that is asked for: none that makes it something else.
_NOT_BEFORE_TEXT = _listed(
    "that which who to from lists? names? titles? rows? table csv json scripts? programs? code function bot "
    "scrap\\w* crawl\\w* all every spreadsheet database dataset macro query for"
)
_BEFORE_TEXT = rf"(?!{_NOT_BEFORE_TEXT}\b)[\w'’\"“”,/&()–-]+"
# Blog post titles are no blog posts.
_NOT_OF_IT = _listed("titles? names? ideas? topics? urls? links? headlines? keywords? data tags numbers?")
_KINDS = _listed(
    "essays? (?:short_|fan_?)?stor(?:y|ies) novels? novellas? articles? reports? chapters? e?-?books? guides? "
    "tutorials? screenplays? plays? (?:movie|film|podcast|video)_scripts? speech(?:es)? blogs?(?:_posts?)? posts? "
    "papers? thes[ei]s dissertations? proposals? biograph(?:y|ies) memoirs? narratives? manuals? documentation "
    "lessons?(?:_plans?)? curriculum syllabus courses? fan_?fic(?:tion)?s? dialogues? monologues? sagas? "
    "textbooks? white_?papers? case_stud(?:y|ies) handbooks? treatises? editorials? diar(?:y|ies) letters? poems? "
    "epics? lectures? sermons? newsletters? legends? myths? fables? (?:business|marketing|study|project)_plans? "
    "analys[ei]s histor(?:y|ies) literature_reviews? campaigns?"
)
_KINDS_OF_WRITING = _any(  # for verbs that ask for text by themselves
    _KINDS,
    _listed(
        "descriptions? summar(?:y|ies) overviews? reviews? paragraphs? sections? scenes? episodes? explanations? "
        "scripts?_(?:for|of) introductions? comparisons? commentar(?:y|ies) critiques? discussions? about"
    ),
    r"[\d,.k]+[ -]?words? (?:about|on|describing)",
)
_PROSE = re.compile(
    r"\b(?:"
    rf"(?:write|writing|compose|draft|author|craft|continue|narrate|rewrite|expand)\s+(?:{_BEFORE_TEXT}\s+){{0,12}}?"
    rf"{_KINDS_OF_WRITING}\b(?!\s+(?:posts?\s+)?{_NOT_OF_IT}\b)"
    rf"|(?:create|develop|prepare|generate|produce|make|need|want|give me|provide|tell me|design)\s+"
    rf"(?:{_BEFORE_TEXT}\s+){{0,10}}?{_KINDS}\b(?!\s+(?:posts?\s+)?{_NOT_OF_IT}\b)"
    r"|(?:explain|describe|discuss|analy[sz]e|compare|argue|elaborate|teach me|walk me through|reflect)\b)",
    re.IGNORECASE,
)


def data_demand(text: str) -> str | None:
    """The words that ask to scrape or dump data; None where none do."""
    if found := _HEADLESS.match(text):
        return found.group()
    for start in _START.finditer(text):
        if found := _ORDER.match(text, start.end()):
            return found.group()
    if _HAS_SCRAPER.search(text) and (found := _SCRAPER.search(text)):
        return found.group()
    if _HAS_OVER_AND_OVER.search(text) and (found := _OVER_AND_OVER.search(text)):
        return found.group()
    return None


def asks_for_prose(text: str) -> bool:
    return _PROSE.search(text) is not None
