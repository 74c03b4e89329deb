from __future__ import annotations

import pytest

from longwriter_cli.text.language import detect_language, language_of


@pytest.mark.parametrize(
    ("instruction", "templates"),
    [
        ("Write a story about a lighthouse.", "en"),
        ("写一篇关于灯塔的故事。", "zh"),
        ("寫一篇關於燈塔的故事。", "zh"),
        ("请用Python写一个爬虫，并解释每一步。", "zh"),
        ("给我的 SaaS 产品 Acme Cloud Platform 写一份介绍", "zh"),
        ("Translate 你好世界 into English", "en"),
        ("Please write about the meaning of 仁 and 礼 in the Analects", "en"),
        ("灯台についての物語を書いてください。", "en"),
        ("等対についての", "en"),
        ("등대에 관한 이야기를 써 주세요", "en"),
        ("", "en"),
        ("12345", "en"),
    ],
)
def test_an_instruction_gets_the_templates_that_suit_it(instruction: str, templates: str) -> None:
    assert detect_language(instruction) == templates


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The keeper lit the lamp and went down to the shore.", "en"),
        ("Please write about 仁 and how it has been translated", "en"),
        ("守塔人点亮了灯，走向海边。", "zh"),
        ("iPhone 的屏幕很亮，我很喜欢。", "zh"),
        ("灯台守はランプを灯して岸辺へ下りた。", "ja"),
        ("등대지기는 등을 켜고 바닷가로 내려갔다.", "ko"),
        ("Смотритель зажёг лампу и вышел на берег, где был ветер.", "ru"),
        ("Доглядач запалив лампу і вийшов на берег її моря.", "uk"),
        ("Пазачът запали лампата и слезе на брега.", "und"),
        ("Ο φύλακας άναψε τη λάμπα.", "el"),
        ("ผู้ดูแลจุดตะเกียง", "th"),
        ("השומר הדליק את המנורה", "he"),
        ("Der Wärter zündete die Lampe an und ging hinunter zum Ufer.", "und"),
        ("El guardián encendió la lámpara y bajó a la orilla.", "und"),
        ("De wachter stak de lamp aan en liep naar de oever van het meer.", "und"),
        ("Le gardien alluma la lampe et descendit vers le rivage.", "und"),
        ("42 + 17 = 59", "und"),
        ("", "und"),
    ],
)
def test_the_language_is_named_where_its_letters_tell(text: str, code: str) -> None:
    assert language_of(text) == code


def test_long_text_is_told_like_short_text() -> None:
    assert language_of("The keeper lit the lamp. " * 5000) == "en"
    assert language_of("守塔人点亮了灯。" * 5000) == "zh"
