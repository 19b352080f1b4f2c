"""Training-step throughput of PyTorch on three larger models: one JSON line each.

One core:   OMP_NUM_THREADS=1 taskset -c 0 python pytorch_models.py [lstm resnet18 bert]
COMPILE=1 turns on torch.compile, PEER_BF16=1 turns on bfloat16 autocast. A step is: zero gradients,
forward, loss, backward, fused Adam. FORWARD_BACKWARD=1 leaves the update out."""
import json, os, sys, time
os.environ.setdefault("OMP_NUM_THREADS", "1")
import torch, torch.nn as nn, torch.nn.functional as F

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
COMPILE, BF16 = bool(int(os.environ.get("COMPILE", "0"))), bool(int(os.environ.get("PEER_BF16", "0")))
UPDATES = not int(os.environ.get("FORWARD_BACKWARD", "0"))
torch.manual_seed(0)


def bench(name, model, batch, samples, unit, iterations):
    x, y = batch
    if x.dim() == 4:  # the layout PyTorch's own tuning guide advises for convolutions
        x, model = x.to(memory_format=torch.channels_last), model.to(memory_format=torch.channels_last)
    net = torch.compile(model) if COMPILE else model
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=BF16):
            value = F.cross_entropy(net(x).float(), y)
        value.backward()
        if UPDATES:
            optimizer.step()

    for _ in range(2):
        step()
    rounds = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(iterations):
            step()
        rounds.append((time.perf_counter() - start) / iterations)
    best = min(rounds)
    print(json.dumps({"peer": "pytorch" + ("-compile" if COMPILE else ""), "workload": name, "ranks": 1,
                      "precision": "bfloat16" if BF16 else "float32", "update": UPDATES,
                      "parameters": sum(p.numel() for p in model.parameters()), "step_ms": round(best * 1e3, 4),
                      "per_s": round(samples / best, 1), "unit": unit}), flush=True)


class RecurrentClassifier(nn.Module):
    def __init__(self, vocabulary, width, layers, classes):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.recurrent = nn.LSTM(width, width, layers, batch_first=True)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        return self.head(self.recurrent(self.embedding(x))[0][:, -1])


class BasicBlock(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.downsample = None
        if stride != 1 or inputs != width:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        residual = x if self.downsample is None else self.downsample(x)
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + residual)


class ResNet18(nn.Module):
    """He et al. 2016 with the stem for small images: one 3x3 convolution of stride 1, no pooling."""

    def __init__(self, classes):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64)
        widths = [64, 64, 128, 256, 512]
        self.layers = nn.Sequential(*[
            BasicBlock(widths[i] if j == 0 else widths[i + 1], widths[i + 1], 2 if i > 0 and j == 0 else 1)
            for i in range(4) for j in range(2)])
        self.fc = nn.Linear(512, classes)

    def forward(self, x):
        return self.fc(self.layers(F.relu(self.bn1(self.conv1(x)))).mean((2, 3)))


class Bert(nn.Module):
    def __init__(self, vocabulary, tokens, width, heads, layers, classes):
        super().__init__()
        self.token, self.position = nn.Embedding(vocabulary, width), nn.Embedding(tokens, width)
        self.norm = nn.LayerNorm(width)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, "gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        return self.head(self.encoder(self.norm(self.token(x) + self.position.weight))[:, 0])


which = sys.argv[1:] or ["lstm", "resnet18", "bert"]
if "lstm" in which:  # embedding 10000x256, 2 layers 256 wide, last state, dense 2; 128 tokens, batch 32
    bench("lstm", RecurrentClassifier(10000, 256, 2, 2),
          (torch.randint(0, 10000, (32, 128)), torch.randint(0, 2, (32,))), 32, "samples", 3)
if "resnet18" in which:  # 32x32x3, batch 32, 10 classes
    bench("resnet18", ResNet18(10), (torch.randn(32, 3, 32, 32), torch.randint(0, 10, (32,))), 32, "images", 2)
if "bert" in which:  # vocabulary 30522, 128 tokens, 4 layers, 768 wide, 12 heads; batch 8
    bench("bert", Bert(30522, 128, 768, 12, 4, 2),
          (torch.randint(0, 30522, (8, 128)), torch.randint(0, 2, (8,))), 8, "samples", 2)
