"""What one click puts on the page: prompts that a small code model can work with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ContinueExample:
    title: str
    language: str
    prompt: str


@dataclass(frozen=True, slots=True)
class InfillExample:
    title: str
    language: str
    prefix: str
    suffix: str


CONTINUE_EXAMPLES = (
    ContinueExample(
        "Fibonacci",
        "Python",
        'def fibonacci(n: int) -> int:\n    """Return the n-th Fibonacci number."""\n',
    ),
    ContinueExample(
        "Test cases",
        "Python",
        "def is_palindrome(text: str) -> bool:\n"
        "    letters = [c.lower() for c in text if c.isalnum()]\n"
        "    return letters == letters[::-1]\n\n\n"
        "def test_is_palindrome():\n"
        '    assert is_palindrome("level")\n'
        "    assert ",
    ),
    ContinueExample(
        "JavaScript",
        "JavaScript",
        "// Returns every other value of the array as a new array.\nfunction everyOther(array) {\n",
    ),
    ContinueExample(
        "SQL",
        "SQL",
        "-- Tables: customers(id, name, city), orders(id, customer_id, total)\n"
        "-- The ten customers who spent the most.\n"
        "SELECT ",
    ),
)

INFILL_EXAMPLES = (
    InfillExample(
        "Function body",
        "Python",
        "def average(numbers: list[float]) -> float:\n"
        '    """Return the mean of the numbers, 0 for none."""\n',
        "\n\nprint(average([1, 2, 3]))\n",
    ),
    InfillExample(
        "Condition",
        "Python",
        "def largest(numbers):\n    best = numbers[0]\n    for number in numbers:\n        if ",
        ":\n            best = number\n    return best\n",
    ),
    InfillExample(
        "Docstring",
        "Python",
        'def alternating(list1, list2):\n    """',
        '"""\n'
        "    result = []\n"
        "    for first, second in zip(list1, list2):\n"
        "        result.append(first)\n"
        "        result.append(second)\n"
        "    return result\n",
    ),
)

CHAT_EXAMPLES = (
    "Write a Python function that returns the n-th Fibonacci number.",
    "How do I print the current date in a shell script?",
    "Write a JavaScript function that reverses the words of a sentence.",
    "Write a regular expression that finds dates such as 2024-05-31.",
)
