"""The model of multi30k-translation.yaml in PyTorch, on token files that a run of Lockstep left in its cache: prints the
validation loss (nats a token, without smoothing) after so many steps, and the time of a step.

One core:   OMP_NUM_THREADS=1 taskset -c 0 python pytorch_translation.py TRAIN.en TRAIN.de VAL.en VAL.de tokenizer.json
STEPS=… and BATCH=… shorten. The tokenizer is read with Hugging Face's `tokenizers`."""
import json, math, os, sys, time
os.environ.setdefault("OMP_NUM_THREADS", "1")
import torch, torch.nn as nn, torch.nn.functional as F
from tokenizers import Tokenizer

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
STEPS, BATCH = int(os.environ.get("STEPS", "200")), int(os.environ.get("BATCH", "128"))
LAYERS, WIDTH, HEADS, HIDDEN, DROPOUT, LENGTH, WARMUP, RATE = 3, 256, 4, 1024, 0.2, 32, 600, 1e-3
torch.manual_seed(0)
tokenizer = Tokenizer.from_file(sys.argv[5])


def pairs(source, target):
    rows = []
    for a, b in zip(open(source, encoding="utf-8"), open(target, encoding="utf-8")):
        a, b = tokenizer.encode(a.rstrip("\n")).ids, tokenizer.encode(b.rstrip("\n")).ids
        if max(len(a), len(b)) < LENGTH:
            rows.append((a + [2], [1] + b, b + [2]))
    fill = lambda tokens, filler: tokens + [filler] * (LENGTH - len(tokens))
    return [torch.tensor([fill(row[i], (0, 0, -100)[i]) for row in rows]) for i in range(3)]


class Model(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, WIDTH)
        self.transformer = nn.Transformer(WIDTH, HEADS, LAYERS, LAYERS, HIDDEN, DROPOUT, batch_first=True, norm_first=True)
        for p in self.transformer.parameters():
            if p.dim() > 1:
                nn.init.xavier_uniform_(p)
        nn.init.normal_(self.embedding.weight, std=WIDTH ** -0.5)
        place, column = torch.arange(LENGTH)[:, None], torch.arange(WIDTH)[None]
        angle = place / 10000 ** (column // 2 * 2 / WIDTH)
        self.register_buffer("waves", torch.where(column % 2 == 0, angle.sin(), angle.cos()))
        self.dropout = nn.Dropout(DROPOUT)

    def embed(self, tokens):
        return self.dropout(self.embedding(tokens) * math.sqrt(WIDTH) + self.waves)

    def forward(self, source, target):
        padding = source == 0
        causal = nn.Transformer.generate_square_subsequent_mask(LENGTH)
        y = self.transformer(self.embed(source), self.embed(target), tgt_mask=causal, tgt_is_causal=True,
                             src_key_padding_mask=padding, memory_key_padding_mask=padding)
        return y @ self.embedding.weight.T


train, validation = pairs(*sys.argv[1:3]), pairs(*sys.argv[3:5])
model = Model(tokenizer.get_vocab_size())
optimizer = torch.optim.Adam(model.parameters(), lr=RATE, betas=(0.9, 0.98), eps=1e-9, fused=True)
start, done = time.perf_counter(), 0
order = torch.randperm(len(train[0]))
for step in range(STEPS):
    places = order[step * BATCH % len(order):][:BATCH]
    source, inputs, targets = (x[places] for x in train)
    for group in optimizer.param_groups:
        group["lr"] = RATE * min((step + 1) / WARMUP, math.sqrt(WARMUP / (step + 1)))
    optimizer.zero_grad(set_to_none=True)
    loss = F.cross_entropy(model(source, inputs).flatten(0, 1), targets.flatten(), ignore_index=-100, label_smoothing=0.1)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
seconds = time.perf_counter() - start
model.eval()
with torch.no_grad():
    total = count = 0
    for first in range(0, len(validation[0]), 64):
        source, inputs, targets = (x[first:first + 64] for x in validation)
        total += F.cross_entropy(model(source, inputs).flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="sum").item()
        count += (targets != -100).sum().item()
print(json.dumps({"peer": "pytorch", "workload": "multi30k-translation", "steps": STEPS, "batch": BATCH,
                  "parameters": sum(p.numel() for p in model.parameters()), "step_ms": round(seconds / STEPS * 1e3, 1),
                  "validation_loss": round(total / count, 4)}), flush=True)
