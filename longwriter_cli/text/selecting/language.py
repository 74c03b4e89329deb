"""The language of a prompt: told by its letters, else by the log, else guessed from its words."""

from __future__ import annotations

from longwriter_cli.text.language import language_of

# The names that logs use, lower case, for what letters alone do not tell.
_CODES = {
    "afrikaans": "af",
    "arabic": "ar",
    "bulgarian": "bg",
    "catalan": "ca",
    "chinese": "zh",
    "croatian": "hr",
    "czech": "cs",
    "danish": "da",
    "dutch": "nl",
    "english": "en",
    "estonian": "et",
    "finnish": "fi",
    "french": "fr",
    "german": "de",
    "greek": "el",
    "hebrew": "he",
    "hindi": "hi",
    "hungarian": "hu",
    "indonesian": "id",
    "italian": "it",
    "japanese": "ja",
    "korean": "ko",
    "latin": "la",
    "malay": "ms",
    "norwegian": "no",
    "persian": "fa",
    "polish": "pl",
    "portuguese": "pt",
    "romanian": "ro",
    "russian": "ru",
    "serbian": "sr",
    "slovak": "sk",
    "spanish": "es",
    "swedish": "sv",
    "tagalog": "tl",
    "thai": "th",
    "turkish": "tr",
    "ukrainian": "uk",
    "urdu": "ur",
    "vietnamese": "vi",
}
UNTOLD = "und"

_LEAST_LETTERS = 40  # fewer tell a guesser nothing


def prompt_language(prompt: str, named: str = "") -> str:
    """The ISO 639-1 code of the prompt's language, or "und". `named` is what the log calls it: a code or a name."""
    code = language_of(prompt)
    if code != UNTOLD:
        return code
    if code := language_code(named):
        return code
    return _guess(prompt) if sum(map(str.isalpha, prompt)) >= _LEAST_LETTERS else UNTOLD


def language_code(name: str) -> str:
    """The code for a language's name or code (`English`, `en`, `zh-CN`), or nothing where it is not known."""
    word = name.strip().lower()
    if word in _CODES:
        return _CODES[word]
    code = word.replace("_", "-").partition("-")[0]
    return code if code in _CODES.values() else ""


def _guess(prompt: str) -> str:
    """Loading what guesses takes a second, so it is asked last."""
    import py3langid

    return str(py3langid.classify(prompt[:1000])[0])
