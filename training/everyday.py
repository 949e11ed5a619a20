"""Twenty gaps that a newcomer would try, and what a model puts there, as it is.

python -m training.everyday            writes training/examples.md
"""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from model.loading.embedded import RECIPE
from model.prompts.infill import FILL_MARKER, SMOLLM2, split_fill_marker
from training.data import data_folder
from training.evaluate import Contender, Evaluation
from training.gaps import parses
from training.judge import MAX_NEW_TOKENS, InfillJudge, Middle

GAPS = tuple(
    text.strip("\n") + "\n"
    for text in (
        "def fibonacci(n):\n    if n < 2:\n        return n\n    <FILL_HERE>",
        "def is_prime(n):\n    if n < 2:\n        return False\n    for i in range(2, n):\n"
        "        <FILL_HERE>\n    return True",
        "def factorial(n):\n    result = 1\n    <FILL_HERE>\n    return result",
        "import json\n\ndef read_json(path):\n    with open(path) as file:\n        <FILL_HERE>\n"
        "    return data",
        "class Stack:\n    def __init__(self):\n        <FILL_HERE>\n\n    def push(self, item):\n"
        "        self.items.append(item)",
        "class Stack:\n    def __init__(self):\n        self.items = []\n\n    def pop(self):\n"
        "        <FILL_HERE>",
        "def count_words(text):\n    counts = {}\n    for word in text.split():\n"
        "        <FILL_HERE>\n    return counts",
        "def reverse(text):\n    <FILL_HERE>",
        "def is_palindrome(text):\n    text = text.lower()\n    <FILL_HERE>",
        "def largest(numbers):\n    best = numbers[0]\n    for number in numbers:\n"
        "        <FILL_HERE>\n            best = number\n    return best",
        "def mean(numbers):\n    total = sum(numbers)\n    <FILL_HERE>",
        "def celsius_to_fahrenheit(celsius):\n    <FILL_HERE>",
        "def bubble_sort(items):\n    n = len(items)\n    for i in range(n):\n"
        "        for j in range(n - i - 1):\n            if items[j] > items[j + 1]:\n"
        "                <FILL_HERE>\n    return items",
        "def binary_search(items, target):\n    low, high = 0, len(items) - 1\n"
        "    while low <= high:\n        <FILL_HERE>\n        if items[middle] == target:\n"
        "            return middle\n        if items[middle] < target:\n"
        "            low = middle + 1\n        else:\n            high = middle - 1\n    return -1",
        "def gcd(a, b):\n    while b:\n        <FILL_HERE>\n    return a",
        "def read_lines(path):\n    <FILL_HERE>\n        return file.readlines()",
        "<FILL_HERE>\n\ndef today():\n    return datetime.date.today()",
        "def squares(n):\n    return [<FILL_HERE> for i in range(n)]",
        "def count_vowels(text):\n    vowels = 'aeiou'\n    <FILL_HERE>\n    return count",
        "class Point:\n    def __init__(self, x, y):\n        <FILL_HERE>\n\n"
        "    def distance(self, other):\n        return ((self.x - other.x) ** 2 + "
        "(self.y - other.y) ** 2) ** 0.5",
    )
)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    evaluation = Evaluation(data_folder() / "evaluation", torch.float32)
    shipped = Contender("shipped", RECIPE.adapter, SMOLLM2.orders[0])
    judge = InfillJudge(evaluation.load(shipped), evaluation.tokenizer, shipped.order)
    made = judge.fill([split_fill_marker(text) for text in GAPS])
    text = "\n".join(_show(gap, middle) for gap, middle in zip(GAPS, made, strict=True))
    ended, parsed = sum(middle.ended for middle in made), sum(map(_parses, GAPS, made))
    head = (
        "# Twenty everyday gaps\n\n"
        f"The shipped adapter, greedy, {MAX_NEW_TOKENS} tokens at most, float32; results as they "
        f"are. {ended} ended by themselves, {parsed} files parse."
    )
    (Path(__file__).parent / "examples.md").write_text(f"{head}\n\n{text}", "utf-8")


def _parses(gap: str, middle: Middle) -> bool:
    prefix, suffix = split_fill_marker(gap)
    return parses(prefix + middle.text + suffix)


def _show(gap: str, middle: Middle) -> str:
    is_python = "parses" if _parses(gap, middle) else "does not parse"
    ended = "ended by itself" if middle.ended else "did not end"
    shown = gap.rstrip().replace(FILL_MARKER, f"⟦{middle.text}⟧")
    return f"```python\n{shown}\n```\n\n{ended}, {is_python}\n"


if __name__ == "__main__":
    main()
