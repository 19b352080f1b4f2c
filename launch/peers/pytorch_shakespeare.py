"""nanoGPT's CPU setting in PyTorch: trains on a text and prints one JSON line with the time of the training steps and the
loss over the whole validation text in windows that do not overlap.

One core:   OMP_NUM_THREADS=1 taskset -c 0 python pytorch_shakespeare.py input.txt [SEED]
COMPILE=1 turns on torch.compile, STEPS=… shortens, BIAS=0 leaves biases out (nanoGPT's own default)."""
import json, math, os, sys, time
os.environ.setdefault("OMP_NUM_THREADS", "1")
import torch, torch.nn as nn, torch.nn.functional as F

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 1337
STEPS, BIAS = int(os.environ.get("STEPS", "2000")), bool(int(os.environ.get("BIAS", "1")))
LAYERS, WIDTH, HEADS, CONTEXT, BATCH = 4, 128, 4, 64, 12
RATE, LEAST, WARMUP = 1e-3, 1e-4, 100
torch.manual_seed(SEED)

text = open(sys.argv[1], encoding="utf-8").read()
letters = sorted(set(text))
data = torch.tensor([letters.index(c) for c in text])
train, validation = data[:int(0.9 * len(data))], data[int(0.9 * len(data)):]


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(WIDTH, bias=BIAS), nn.LayerNorm(WIDTH, bias=BIAS)
        self.c_attn, self.c_proj = nn.Linear(WIDTH, 3 * WIDTH, BIAS), nn.Linear(WIDTH, WIDTH, BIAS)
        self.c_fc, self.mlp_proj = nn.Linear(WIDTH, 4 * WIDTH, BIAS), nn.Linear(4 * WIDTH, WIDTH, BIAS)

    def forward(self, x):
        b, t, _ = x.shape
        q, k, v = (y.view(b, t, HEADS, WIDTH // HEADS).transpose(1, 2) for y in self.c_attn(self.ln_1(x)).split(WIDTH, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(b, t, WIDTH)
        x = x + self.c_proj(y)
        return x + self.mlp_proj(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(len(letters), WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList([Block() for _ in range(LAYERS)])
        self.ln_f = nn.LayerNorm(WIDTH, bias=BIAS)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * LAYERS) if "proj" in name else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(p)

    def forward(self, x):
        x = self.wte(x) + self.wpe.weight[:x.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.ln_f(x) @ self.wte.weight.T


model = GPT()
net = torch.compile(model) if int(os.environ.get("COMPILE", "0")) else model
matrices = [p for p in model.parameters() if p.dim() == 2]
others = [p for p in model.parameters() if p.dim() != 2]
optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
                              lr=RATE, betas=(0.9, 0.99), fused=True)


def rate(step):
    if step < WARMUP:
        return RATE * (step + 1) / (WARMUP + 1)
    share = (step - WARMUP) / (2000 - WARMUP)
    return LEAST + 0.5 * (1 + math.cos(math.pi * share)) * (RATE - LEAST)


def loss(tokens, targets):
    return F.cross_entropy(net(tokens).flatten(0, 1), targets.flatten())


start = time.perf_counter()
for step in range(STEPS):
    if step == 10:
        warm = time.perf_counter()
    places = torch.randint(len(train) - CONTEXT, (BATCH,))
    x = torch.stack([train[i:i + CONTEXT] for i in places])
    y = torch.stack([train[i + 1:i + 1 + CONTEXT] for i in places])
    for group in optimizer.param_groups:
        group["lr"] = rate(step)
    optimizer.zero_grad(set_to_none=True)
    value = loss(x, y)
    value.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
end = time.perf_counter()

with torch.no_grad():
    total, count = 0.0, len(validation) - 1
    for first in range(0, count, CONTEXT):
        last = min(first + CONTEXT, count)
        logits = model(validation[first:last][None])
        total += F.cross_entropy(logits[0], validation[first + 1:last + 1], reduction="sum").item()
print(json.dumps({"peer": "pytorch", "workload": "shakespeare-gpt", "seed": SEED, "steps": STEPS, "bias": BIAS,
                  "parameters": sum(p.numel() for p in model.parameters()), "training_s": round(end - start, 2),
                  "step_ms": round((end - warm) / (STEPS - 10) * 1e3, 3), "last_train_loss": round(value.item(), 4),
                  "validation_loss": round(total / count, 4)}), flush=True)
