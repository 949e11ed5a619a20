"""Licences of models: where they can be read, and what they forbid."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class License:
    """A licence's short name and where it can be read.

    Attributes:
        restrictions: uses that it forbids, one short phrase each, in its own order. Whoever
            serves the model must pass them on. They are a summary: the text at `url` counts.
    """

    name: str
    url: str
    restrictions: tuple[str, ...] = ()

    @property
    def restricts_use(self) -> bool:
        return bool(self.restrictions)


APACHE_2 = License("Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0")

# Attachment A, (a) to (n), of the BigCode Open RAIL-M v1 License Agreement, shortened.
OPENRAIL_M = License(
    "BigCode OpenRAIL-M v1",
    "https://huggingface.co/spaces/bigcode/bigcode-model-license-agreement",
    restrictions=(
        "Nothing that violates an applicable law or regulation.",
        "Do not exploit or harm minors, nor attempt to.",
        "Do not generate or spread malware, or anything else meant to harm electronic systems.",
        "Do not generate or spread verifiably false information in order to harm others.",
        "Do not generate or spread personal identifiable information in order to harm others.",
        "Do not place generated content, code included, in public without saying clearly that a "
        "machine made it.",
        "Do not intentionally defame, disparage or harass others.",
        "Do not impersonate people in order to deceive, nor attempt to.",
        "No fully automated decisions that harm a person's legal rights, or that create or change "
        "a binding obligation without saying clearly that a machine does so.",
        "No use meant to discriminate against or harm people for their social behaviour or their "
        "personal or personality characteristics, known or predicted.",
        "Do not intentionally exploit a group's vulnerabilities (age, social, physical or mental "
        "characteristics) to distort behaviour in a way likely to cause harm.",
        "No use meant to discriminate against people for legally protected characteristics.",
        "No medical advice or interpretation of medical results meant to replace a professional's.",
        "No fully automated decisions in the administration of justice, law enforcement, "
        "immigration or asylum processes.",
    ),
)

# BigCode's FAQ on it: BigScience's OpenRAIL-M with a restriction (c), on malware, put in.
CODEML_OPENRAIL_M = License(
    "CodeML OpenRAIL-M v0.1",
    "https://huggingface.co/spaces/bigcode/license",
    restrictions=(
        "Nothing that violates an applicable law or regulation.",
        "Do not exploit or harm minors, nor attempt to.",
        "Do not generate or spread malware, or anything else meant to harm electronic systems.",
        "Do not generate or spread verifiably false information in order to harm others.",
        "Do not generate or spread personal identifiable information that can harm a person.",
        "Do not generate or spread content without saying clearly that a machine made it.",
        "Do not defame, disparage or otherwise harass others.",
        "Do not impersonate others, nor attempt to.",
        "No fully automated decisions that harm a person's legal rights or that create or change "
        "a binding obligation.",
        "No use that discriminates against or harms people for their social behaviour or their "
        "personal or personality characteristics, known or predicted.",
        "Do not exploit a group's vulnerabilities (age, social, physical or mental "
        "characteristics) to distort behaviour in a way likely to cause harm.",
        "No use that discriminates against people for legally protected characteristics.",
        "No medical advice and no interpretation of medical results.",
        "No information for the administration of justice, law enforcement, immigration or "
        "asylum processes, such as predicting that a person will commit a crime.",
    ),
)
