"""Lengths that instructions ask for. Each table is prompt -> what is demanded, written as people write prompts."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longwriter_cli.records import Requirement
from longwriter_cli.text.requirement import CHARACTERS_A_PAGE, WORDS_A_PAGE, required_words


def about(words: int) -> Requirement:
    return Requirement(words)


def least(words: int) -> Requirement:
    return Requirement(words, "at_least", low=words)


def most(words: int) -> Requirement:
    return Requirement(words, "at_most", high=words)


def between(low: int, high: int) -> Requirement:
    return Requirement(round((low + high) / 2), "range", low, high)


ENGLISH = [
    ("Write a 10,000-word essay on the Silk Road.", about(10_000)),
    ("write 10000 words on the silk road", about(10_000)),
    ("Write 10k words about sailing.", about(10_000)),
    ("Write a story of ten thousand words about a lighthouse keeper.", about(10_000)),
    ("Write a twenty-five hundred word essay about bees", about(2500)),
    ("Compose a thousand-word letter to my future self.", about(1000)),
    ("An essay of one hundred and fifty words on friendship", about(150)),
    ("Draft a report of 1.5k words on tidal energy", about(1500)),
    ("Write a 1.2 million word epic.", about(1_200_000)),
    ("I want a novel of 10.000 words about Rome", about(10_000)),
    ("Write about 2 500 words on glaciers.", about(2500)),
    ("Write an essay about World War 2 500 words", about(500)),
    ("Guide to Windows 11 300 words", about(300)),
    ("History of jazz, 900 words", about(900)),
    ("History of jazz. 900 words.", about(900)),
    ("History of jazz (900 words)", about(900)),
    ("History of jazz [~900 words]", about(900)),
    ("**Write a speech** of about **900** words on jazz", about(900)),
    ("In 250 words, describe your grandmother's kitchen.", about(250)),
    ("Describe your grandmother's kitchen using exactly 250 words.", about(250)),
    ("The story should be 3,500 words long and told by the dog.", about(3500)),
    ("The answer must come to roughly 650 words.", about(650)),
    ("Word count: 1200\nTopic: beekeeping", about(1200)),
    ("Topic: beekeeping\nWord Count - 1,200", about(1200)),
    ("Topic: beekeeping\nWords: 1200\nTone: friendly", about(1200)),
    ("Write a blog post. The word count should be around 1,800.", about(1800)),
    ("Please write a 700 words review about a kettle", about(700)),
    ("700-words review of a kettle", about(700)),
    ("Write a 500 or so word blurb.", about(500)),
    ("Answer in three words: what is love?", about(3)),
    ("Give a one-word answer: is the sky blue?", about(1)),
    ("write me a 2000word fanfic", about(2000)),
    ("Write the next 800 words of this novel.", about(800)),
    ("I have to write a 1,500-word essay on Hamlet, please help", about(1500)),
    ("My teacher asked for 600 words on volcanoes. Write it.", about(600)),
    ("Write 300 words (about half a page) on moss.", about(300)),
    ("Write about dogs. Length: 400 words", about(400)),
    ("Write a 2000 Chinese characters essay about the moon", about(2000)),
    # bounds
    ("Write at least 4k words on the history of salt.", least(4000)),
    ("Write an essay, no less than 2000 words, on tea.", least(2000)),
    ("The essay should not be less than 2,000 words.", least(2000)),
    ("Write a story over 2000 words.", least(2000)),
    ("Write a chapter with more than 3000 words", least(3000)),
    ("A guide to composting, 500+ words", least(500)),
    ("A guide to composting: minimum 1000 words.", least(1000)),
    ("A guide to composting with a minimum of 1000 words", least(1000)),
    ("A guide to composting. Minimum word count: 1000", least(1000)),
    ("A guide to composting, 1000 words minimum", least(1000)),
    ("A guide to composting in 1000 words or more", least(1000)),
    ("Write an upwards of 5,000 word saga", least(5000)),
    ("No more than 500 words: why do cats purr?", most(500)),
    ("Tell me why cats purr in under 800 words", most(800)),
    ("Explain recursion in less than 100 words.", most(100)),
    ("Explain recursion. 200 words max.", most(200)),
    ("Explain recursion in 200 words or less", most(200)),
    ("Explain recursion, max 200 words", most(200)),
    ("Explain recursion; do not exceed 300 words", most(300)),
    ("Explain recursion. Limit your answer to 300 words.", most(300)),
    ("Explain recursion within 150 words", most(150)),
    ("Explain recursion. Word limit: 350", most(350)),
    ("You may use up to 1,000 words to tell the story.", most(1000)),
    ("Your essay must not be longer than 650 words.", most(650)),
    # ranges
    ("Write 1500 to 2000 words on whales.", between(1500, 2000)),
    ("Write between 1,500 and 2,000 words on whales.", between(1500, 2000)),
    ("Write 1500-2000 words on whales.", between(1500, 2000)),
    ("Write a 1500–2000-word piece on whales.", between(1500, 2000)),
    ("Write 2-3k words on whales.", between(2000, 3000)),
    ("Write two to three thousand words on whales.", between(2000, 3000)),
    ("Write from 500 words to 600 words on whales.", between(500, 600)),
    ("Essay on whales, at least 500 and no more than 800 words.", between(500, 800)),
    ("Essay on whales. Minimum 500 words, maximum 800 words.", between(500, 800)),
    ("Word count: 1,000-1,200. Essay on whales.", between(1000, 1200)),
    # several numbers
    ("Summarise this 5000-word article in 200 words", about(200)),
    ("Expand this 500-word article to 2000 words.", about(2000)),
    ("Shorten my 800 word essay to 300 words", about(300)),
    ("Increase the text from 500 words to 2000 words", about(2000)),
    ("Write a 200-word abstract for a 5000-word paper on ants", about(200)),
    ("Write a 5000-word paper on ants with a 200-word abstract.", about(5000)),
    ("Write a 1000-word essay on ants. The introduction should be about 100 words.", about(1000)),
    ("Write a report on ants: introduction (200 words), body (600 words), conclusion (200 words).", about(1000)),
    ("Write an article of 1500 words. Keep sentences under 20 words.", about(1500)),
    ("Write a 1200-word article with a title of at most 10 words", about(1200)),
    # equal parts
    ("Write 5 paragraphs of 200 words each about rivers", about(1000)),
    ("Write an essay with five sections, each of about 400 words", about(2000)),
    ("each of about 400 words, five sections", about(2000)),
    ("Write a 10-chapter novel. Each chapter should be at least 2000 words.", least(20_000)),
    ("Write three 500-word articles about bread", about(1500)),
    ("Write 3 blog posts about bread, 500 words each.", about(1500)),
    ("Outline with 8 chapters, 1500 words per chapter", about(12_000)),
    ("a 3,000-word essay in five 600-word parts", about(3000)),
    ("Write four sections of 300 words each, 1,250 words in total", about(1250)),
    # pages, only where no words are given
    ("Write a 50-page novel about a clockmaker.", about(50 * WORDS_A_PAGE)),
    ("Write a two-page essay on Kant", about(2 * WORDS_A_PAGE)),
    ("Write a report of at least 10 pages on coal.", least(10 * WORDS_A_PAGE)),
    ("Write a 3-page, 900-word report on coal.", about(900)),
    ("Write 2 single-spaced pages about coal", about(4 * WORDS_A_PAGE)),
]

ENGLISH_NONE = [
    "Write an essay about Phase 2000 of the project.",
    "What happened in 1984?",
    "Write about the $5,000 car that 100 people wanted.",
    "Describe the plot in a few words.",
    "In other words, what is entropy?",
    "Use the words apple and pear in a sentence.",
    "Use these 10 words in a short story: sun, moon, star.",
    "How can I learn 100 words a day?",
    "I type 80 words per minute. How do I get faster?",
    "Make a plan to memorize 2000 words of Spanish.",
    "Give me 20 words that rhyme with cat.",
    "List 50 words related to the sea.",
    "A picture is worth a thousand words. Discuss.",
    "I read 50 pages of the book. What comes next?",
    "Summarize the first 100 words of the Iliad.",
    "Write a poem with 2000 characters.",
    "Write 5 tips for sleeping better.",
    "Design a 5-page website for my bakery.",
    "Write a few thousand words about rain.",
    "What is a good word count for a novel?",
    "I charge $50 for 500 words. Is this fair?",
    "Proofread this 500-word article.",
    "Fix the grammar on page 12, please.",
    "Write a novel where each chapter is 2000 words.",
    "He wrote 2000 words every morning. Write about such a man.",
    "Teach me 30 words in German",
    "Create a vocabulary of 500 words for a made-up language",
    "Translate these 200 words into French.",
    "Tell me one word of advice.",
    "Write a five-minute speech about time.",
    "",
    "words",
    "0 words",
    "Write 99999999 words",
]

CHINESE = [
    ("写一篇两千字的文章，谈谈故乡。", about(2000)),
    ("写一篇关于秋天的散文，5千字以上", least(5000)),
    ("请写300到400字的读后感", between(300, 400)),
    ("写一篇1万字的小说", about(10_000)),
    ("写一篇1.5万字的报告", about(15_000)),
    ("写一篇一万五千字的报告", about(15_000)),
    ("写篇2w字的同人文", about(20_000)),
    ("写篇5k字的同人文", about(5000)),
    ("以《我的母亲》为题写一篇作文，不少于800字。", least(800)),
    ("介绍一下长城，800字左右", about(800)),
    ("介绍一下长城，不超过500字。", most(500)),
    ("介绍一下长城，字数在1000字以内", most(1000)),
    ("介绍一下长城\n字数要求：2000", about(2000)),
    ("介绍一下长城。字数：1000-1200", between(1000, 1200)),
    ("介绍一下长城，字数不少于1500", least(1500)),
    ("介绍一下长城，字数控制在600字左右", about(600)),
    ("介绍一下长城，控制在600字以内", most(600)),
    ("介绍一下长城（约３０００字）", about(3000)),
    ("写一篇三百五十字的日记", about(350)),
    ("写一篇两三百字的短文", between(200, 300)),
    ("写一篇三四千字的论文", between(3000, 4000)),
    ("写一篇1-2万字的小说", between(10_000, 20_000)),
    ("写一篇800字至1000字的演讲稿", between(800, 1000)),
    ("写一篇800～1000字的演讲稿", between(800, 1000)),
    ("写一篇演讲稿，不少于800字，不超过1000字", between(800, 1000)),
    ("写一篇演讲稿，至少1,200字", least(1200)),
    ("写一篇演讲稿，最多1200字", most(1200)),
    ("写一篇万字长文，讲述敦煌的历史", about(10_000)),
    ("写一篇上万字的小说", least(10_000)),
    ("写一份3000字以上的可行性研究报告", least(3000)),
    ("给我一篇100字的朋友圈文案", about(100)),
    ("用300字概括《红楼梦》的情节", about(300)),
    ("把这篇5000字的文章缩写到500字", about(500)),
    ("将下面这段200字的内容扩写成1000字", about(1000)),
    ("请将上文压缩到150字以内", most(150)),
    ("写一篇英文作文，150词左右", about(150)),
    ("写一篇英语作文，不少于120个单词", least(120)),
    ("写一篇500words的英文essay", about(500)),
    ("寫一篇兩千字的遊記", about(2000)),
    ("请写一个10000个字的剧本", about(10_000)),
    ("写一段280字符以内的简介", most(280)),
    ("论文题目：论春秋时期的礼制。要求：1，不少于3000字；2，观点明确。", least(3000)),
    ("写检讨书，1000字。", about(1000)),
    ("1000字检讨书", about(1000)),
    ("已经写了5000字，请续写到1万字", about(10_000)),
    ("写800余字的评论", about(800)),
    # several numbers
    ("写一篇800字的作文，标题不超过20字", about(800)),
    ("写一篇5000字的论文，附300字摘要", about(5000)),
    ("写一篇作文：开头100字，正文600字，结尾100字", about(800)),
    # equal parts
    ("每篇400字，五篇", about(2000)),
    ("写五篇日记，每篇400字", about(2000)),
    ("写一部小说，共10章，每章不少于2000字", least(20_000)),
    ("写三篇作文，各500字", about(1500)),
    ("写三篇500字的作文", about(1500)),
    ("分为四个部分，每部分约600字", about(2400)),
    ("分为四个部分，每部分约600字，全文2500字", about(2500)),
    ("写6个故事，每个故事300字以上", least(1800)),
    # pages
    ("写一份10页的调研报告", about(10 * CHARACTERS_A_PAGE)),
    # mixed
    ("帮我用英文写一篇关于茶马古道的文章，不少于4000字。", least(4000)),
    ("Please write 一篇800字的作文 about spring", about(800)),
]

CHINESE_NONE = [
    "他使用了100个字的密码",
    "今天有100人来了，写一篇新闻",
    "2024年发生了什么？",
    "解释一下三字经",
    "列出20个四字成语",
    "用一个字形容你的心情",
    "我每天写1000字，怎么坚持？",
    "打字速度每分钟80字算快吗",
    "学习3000个汉字需要多久",
    "给我20个词，都和海有关",
    "写一篇几千字的文章",
    "标题不超过20字",
    "每句不超过15字",
    "这本书有50万字，值得看吗？",
    "润色这篇3000字的文章",
    "做一份10页的PPT",
    "写一部小说，每章2000字",
    "字数统计怎么用？",
    "稿费是千字100元吗",
    "二十四字核心价值观是什么",
    "什么是千字文？",
]


@pytest.mark.parametrize(("prompt", "demanded"), ENGLISH)
def test_an_english_length_is_read(prompt: str, demanded: Requirement) -> None:
    assert required_words(prompt) == demanded


@pytest.mark.parametrize("prompt", ENGLISH_NONE)
def test_an_english_number_that_is_no_length_is_left(prompt: str) -> None:
    assert required_words(prompt) is None


@pytest.mark.parametrize(("prompt", "demanded"), CHINESE)
def test_a_chinese_length_is_read(prompt: str, demanded: Requirement) -> None:
    assert required_words(prompt) == demanded


@pytest.mark.parametrize("prompt", CHINESE_NONE)
def test_a_chinese_number_that_is_no_length_is_left(prompt: str) -> None:
    assert required_words(prompt) is None


ARTICLE = "The council sent a 500-word statement on Monday. It was printed in full, all 1,200 words of it.\n\n" * 40


@pytest.mark.parametrize(
    ("prompt", "demanded"),
    [
        (f"Summarise the following article in 150 words:\n\n{ARTICLE}", about(150)),
        (f"Read the following article:\n\n{ARTICLE}\n\nNow write a reply of 300 words.", about(300)),
        (f"Summarise the following article:\n\n{ARTICLE}", None),
        (f"Write a 900-word story.\n\n```\n{ARTICLE}\n```", about(900)),
        (f"把下面的文章翻译成中文，写300字的概括：\n\n{ARTICLE}", about(300)),
    ],
)
def test_a_length_inside_pasted_text_is_not_the_demand(prompt: str, demanded: Requirement | None) -> None:
    assert required_words(prompt) == demanded


@given(st.text(alphabet="0123456789 ,.-千万百字words每篇each of\n\"'`*", max_size=60) | st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_no_text_raises_and_no_length_is_out_of_range(prompt: str) -> None:
    found = required_words(prompt)
    assert found is None or 1 <= found.words <= 10_000_000
    assert found is None or found.low is None or found.high is None or found.low <= found.high


@pytest.mark.parametrize(
    "unit",
    [
        "500 words ",
        "1 ",
        "1,111,111 ",
        "one hundred and ",
        "一",
        "每篇",
        "each of the ",
        '"""',
        "word count: ",
        "\n\n",
        "1-1-",
    ],
)
def test_a_prompt_of_a_megabyte_is_read_at_once(unit: str) -> None:
    prompt = unit * (1_000_000 // len(unit))
    began = time.perf_counter()
    required_words(prompt)
    assert time.perf_counter() - began < 3


def test_any_number_is_read_in_any_of_its_forms() -> None:
    draw = random.Random(7)
    for _ in range(200):
        words = draw.randrange(20, 100_000)
        for form in (f"{words}-word", f"{words:,}-word", f"{words} word", f"{words} words"):
            assert required_words(f"Write a {form} story.") == about(words)
        assert required_words(f"写一篇{words}字的故事") == about(words)
