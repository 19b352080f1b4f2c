#!/usr/bin/env python3
"""Records BLEU of sacrebleu and ROUGE of rouge_score, for TextMetricsTests.swift.

Run: python3 record_text.py (sacrebleu, rouge_score); it writes text.json.
"""
import json
import pathlib
import random

import rouge_score  # noqa: F401
import sacrebleu
from rouge_score import rouge_scorer

random.seed(5)
WORDS = ("ein Mann fährt mit dem Fahrrad auf der Straße und eine Frau steht am Ufer , . ! ? 3.14 1,000 10-15 "
         "it's (so) \"quoted\" &quot;x&quot; a&amp;b U.S.A. e.g. well-known ... § 50% $5 <skipped> ½ Ａ naïve").split()


def sentence(length):
    return " ".join(random.choice(WORDS) for _ in range(length))


def disturbed(text):
    words = [word for word in text.split() if random.random() > 0.15]
    return " ".join(random.choice(WORDS) if random.random() < 0.15 else word for word in words)


def corpus(count, references):
    first = [sentence(random.randint(1, 25)) for _ in range(count)]
    translations = [disturbed(text) for text in first]
    others = [[disturbed(text) for text in first] for _ in range(references - 1)]
    return translations, [first] + others


def bleu(name, translations, references):
    score = sacrebleu.corpus_bleu(translations, references)
    return {"name": name, "translations": translations, "references": references, "score": score.score,
            "counts": score.counts, "totals": score.totals, "precisions": score.precisions, "penalty": score.bp,
            "translationLength": score.sys_len, "referenceLength": score.ref_len}


EDGE = ["Hello, world. 1,000.5 -- a-b 3-4 x.y ,. .. , ", " &lt;b&gt; &amp;quot; [x] {y} a/b c_d ~e` @f #g $h %i ^j *k ",
        "tabs\tand\u00a0spaces\u3000here-\nbroken\nlines  ", "e\u0301 \u00e9 caf\u00e9.", "", "1.2.3,4 .5 6. a.1 1.a"]
cases = [
    bleu("one reference", *corpus(60, 1)), bleu("three references", *corpus(20, 3)),
    bleu("edges", EDGE, [[line.replace("a", "b", 1) for line in EDGE]]),
    bleu("equal", EDGE, [EDGE]), bleu("nothing in common", ["x y z w v"], [["a b c d e"]]),
    bleu("short", ["a b"], [["a b c"]]), bleu("no fours", ["a b c x y z q"], [["a b c d e f g"]]),
    bleu("empty", [""], [["a b"]]), bleu("longer", ["a b c d e f g h"], [["a b c d e"]]),
]

scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
summaries, (references,) = corpus(30, 1)
summaries += ["", "the cat sat", "The  CAT, sat: on 2 mats!", "\u212a x \u0130"]
references += ["a b", "", "the cat's mat; 2 cats", "k x i"]
scores = [scorer.score(reference, summary) for summary, reference in zip(summaries, references)]
kinds = ["rouge1", "rouge2", "rougeL"]
rouge = {"summaries": summaries, "references": references,
         "scores": [[v for kind in kinds for v in (s[kind].precision, s[kind].recall, s[kind].fmeasure)] for s in scores]}

path = pathlib.Path(__file__).parent / "text.json"
path.write_text(json.dumps({"recordedWith": f"sacrebleu {sacrebleu.__version__}, rouge_score 0.1.2", "bleu": cases,
                            "rouge": rouge}, ensure_ascii=True).replace('{"name"', '\n{"name"') + "\n")
print(path.name, path.stat().st_size, "bytes")
