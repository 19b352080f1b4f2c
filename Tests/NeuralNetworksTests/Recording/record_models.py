#!/usr/bin/env python3
"""Records every model of Sources/NeuralNetworks/Models against its namesake, for RecordedModelTests.swift: the tensors of
its checkpoint, logits, all gradients, ten losses of Adam and the running statistics behind them, in float64; and how many
parameters the namesakes of full size have.

Run: python3 record_models.py (PyTorch, torchvision and transformers on the CPU); it writes ../Recorded/models.json.
Transformers are those of the transformers library and torch.nn.Transformer, ResNet-18 is torchvision's; the others have
no namesake and are written in model_modules.py.
"""
import tempfile

import torch
import torch.nn.functional as F
import transformers
from safetensors import safe_open
from torchvision.models import resnet18

import model_modules as modules
from hashing import field, numbers, weight
from recording import write

cases = []
STEPS = 10


def rounded(values):
    return [float("%.7g" % v) for v in values.detach().flatten().tolist()]


def checkpoint(module):
    """Names and shapes of the file that the namesake saves."""
    if not isinstance(module, transformers.PreTrainedModel):
        return {name: list(value.shape) for name, value in module.state_dict().items()}
    with tempfile.TemporaryDirectory() as folder:
        module.save_pretrained(folder)
        with safe_open(folder + "/model.safetensors", "pt") as file:
            return {name: list(file.get_slice(name).get_shape()) for name in file.keys()}


def load(module, dtype):
    module.to(dtype).train()
    with torch.no_grad():
        for name, value in [*module.named_parameters(), *module.named_buffers()]:
            if value.is_floating_point() and name in module.state_dict():
                value.copy_(weight(name, list(value.shape)))


def loss_sum(kind, logits, labels):
    """The loss and how many terms it sums."""
    if kind == "softmaxCrossEntropy":
        logits, labels = logits.flatten(0, -2), labels.flatten()
        return F.cross_entropy(logits, labels, reduction="sum"), int((labels != -100).sum())
    logits, labels = logits.flatten(), labels.flatten().to(logits.dtype)
    if kind == "sigmoidCrossEntropy":
        return F.binary_cross_entropy_with_logits(logits, labels, reduction="sum"), labels.numel()
    return F.mse_loss(logits, labels, reduction="sum"), labels.numel()


def run(make, forward, entry, dtype, autocast=False):
    """Everything that is compared, in one precision; products and convolutions of bfloat16 where `autocast`."""
    module = make()
    load(module, dtype)

    def evaluate(step):
        batch = [field(f"input{i}", step, entry["samples"], d) for i, d in enumerate(entry["inputs"])]
        batch = [x.to(dtype) if x.is_floating_point() else x for x in batch]
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            logits = forward(module, *batch)
        logits = logits.float() if autocast else logits
        return logits, *loss_sum(entry["loss"], logits, field("label", step, entry["samples"], entry["label"]))

    logits, total, _ = evaluate(0)
    total.backward()
    gradients = {name: p.grad.double().clone() for name, p in module.named_parameters()}
    load(module, dtype)  # back to the first running statistics
    optimizer = torch.optim.Adam(module.parameters(), lr=entry["rate"])
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        _, total, count = evaluate(step)
        (total / count).backward()
        losses.append(total.item() / count)
        optimizer.step()
    buffers = {name: b for name, b in module.named_buffers() if "running" in name}
    return logits, gradients, losses, buffers


def record(name, make, forward, inputs, label, loss="softmaxCrossEntropy", samples=3, rate=0.003):
    entry = {"name": name, "samples": samples, "inputs": inputs, "label": label, "loss": loss, "rate": rate}
    logits, gradients, losses, buffers = run(make, forward, entry, torch.float64)
    entry["tensors"] = checkpoint(make())
    entry["logits"] = rounded(logits)
    entry["gradients"] = {}
    for key, gradient in gradients.items():
        # The sum weighted by hashed numbers, the length, and four elements.
        flat = gradient.flatten()
        places = torch.arange(4) * (flat.numel() - 1) // 3
        weighted = (flat * numbers("weights", [flat.numel()])).sum()
        entry["gradients"][key] = rounded(torch.cat([torch.stack([weighted, flat.norm()]), flat[places]]))
    entry["losses"] = [float("%.10g" % value) for value in losses]
    entry["buffers"] = {key: rounded(value[:8]) for key, value in buffers.items()}
    _, _, narrow, _ = run(make, forward, entry, torch.float32, autocast=True)
    entry["narrowLosses"] = [float("%.5g" % value) for value in narrow]
    cases.append(entry)
    # How far PyTorch's own float32 is from this, to judge the tolerance by.
    logits32, gradients32, losses32, _ = run(make, forward, entry, torch.float32)
    scale = max(float(g.norm()) for g in gradients.values())
    worst = max(float((gradients32[k] - g).norm() / max(g.norm(), 1e-3 * scale)) for k, g in gradients.items())
    print(f"{name}: float32 off by {float(((logits32 - logits).abs().max() / logits.abs().max()).detach()):.1e} in "
          f"logits, {worst:.1e} in gradients, {max(abs(a - b) / b for a, b in zip(losses32, losses)):.1e} in losses; "
          f"bfloat16 {max(abs(a - b) / b for a, b in zip(narrow, losses)):.1e} in losses")


def tokens(count, limit, padded=False):
    return {"shape": [count], "limit": limit} | ({"padded": True} if padded else {})


def classes(count):
    return {"shape": [], "limit": count}


def dense():
    record("denseBinary", lambda: modules.Dense([7, 12, 5, 1]), lambda m, x: m(x), [{"shape": [7]}],
           {"shape": [], "binary": True}, "sigmoidCrossEntropy", samples=9)
    record("denseNumbers", lambda: modules.Dense([7, 12, 2]), lambda m, x: m(x), [{"shape": [7]}], {"shape": [2]},
           "meanSquaredError", samples=9)
    record("pooledText", lambda: modules.PooledText(19, 6, [5, 4]), lambda m, x: m(x), [tokens(7, 19, True)],
           classes(4), samples=9)


def images():
    record("convolutionalClassifier", lambda: modules.Convolutional([5, 9], 9 * 3 * 2, [11, 4]), lambda m, x: m(x),
           [{"shape": [3, 18, 14]}], classes(4), samples=4)
    record("residual20", lambda: modules.residual(20), lambda m, x: m(x), [{"shape": [3, 16, 16]}], classes(10),
           samples=16, rate=0.0001)
    # Adam divides by the gradient's size, which of some of the 11 million is all rounding: hence the small rate.
    record("resNet18", lambda: resnet18(num_classes=10), lambda m, x: m(x), [{"shape": [3, 64, 64]}], classes(10),
           samples=4, rate=0.000003)


def texts():
    record("textCNN", lambda: modules.TextCNN(19, 6, 5, [2, 3, 4], 3), lambda m, x: m(x), [tokens(9, 19)], classes(3),
           samples=6)
    for name, kind, layers, both, mean in [
            ("rnn", "RNN", 1, False, False), ("lstm", "LSTM", 1, False, False), ("gru", "GRU", 1, False, False),
            ("rnnBidirectional", "RNN", 2, True, False), ("lstmBidirectional", "LSTM", 2, True, False),
            ("gruBidirectional", "GRU", 2, True, False), ("lstmMean", "LSTM", 2, False, True)]:
        record(name, lambda: modules.Recurrent(kind, 19, 6, 7, 3, layers, both, mean), lambda m, x: m(x),
               [tokens(8, 19, True)], classes(3), samples=6)


def language_models():
    config = transformers.GPT2Config(
        vocab_size=23, n_positions=10, n_embd=24, n_layer=2, n_head=3, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)
    record("gpt", lambda: transformers.GPT2LMHeadModel(config), lambda m, x: m(x).logits, [tokens(7, 23)],
           tokens(7, 23))
    for tied in (False, True):
        llama = transformers.LlamaConfig(
            vocab_size=23, hidden_size=24, intermediate_size=20, num_hidden_layers=2, num_attention_heads=6,
            num_key_value_heads=2, rms_norm_eps=1e-5, max_position_embeddings=16, tie_word_embeddings=tied)
        record("llamaTied" if tied else "llama", lambda: transformers.LlamaForCausalLM(llama),
               lambda m, x: m(x).logits, [tokens(7, 23)], tokens(7, 23))


def encoders():
    config = transformers.BertConfig(
        vocab_size=23, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=20,
        max_position_embeddings=10, num_labels=4, hidden_dropout_prob=0, attention_probs_dropout_prob=0)
    record("bertClassifier", lambda: transformers.BertForSequenceClassification(config),
           lambda m, x, types: m(x, attention_mask=(x != 0).long(), token_type_ids=types).logits,
           [tokens(8, 23, True), tokens(8, 2)], classes(4), samples=5)
    record("maskedLanguageModel", lambda: transformers.BertForMaskedLM(config),
           lambda m, x: m(x, attention_mask=(x != 0).long()).logits, [tokens(8, 23, True)],
           {"shape": [8], "limit": 23, "ignored": "input0"}, samples=4)


def translation():
    for order in ("after", "before"):
        record("translation." + order, lambda: modules.Translation(23, 24, 3, 2, 20, order == "before"),
               lambda m, x, y: m.translate(x, y), [tokens(6, 23, True), tokens(7, 23, True)],
               {"shape": [7], "limit": 23, "ignored": "input1"}, samples=4)


def counts():
    """Parameters of namesakes at full size; tied ones once."""
    with torch.device("meta"):
        made = {
            "gpt2": transformers.GPT2LMHeadModel(transformers.GPT2Config()),
            "gpt2XL": transformers.GPT2LMHeadModel(transformers.GPT2Config(n_embd=1600, n_layer=48, n_head=25)),
            "bertBase": transformers.BertForSequenceClassification(transformers.BertConfig()),
            "bertBaseMasked": transformers.BertForMaskedLM(transformers.BertConfig()),
            "bertLargeMasked": transformers.BertForMaskedLM(transformers.BertConfig(
                hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096)),
            "llama2Of7B": transformers.LlamaForCausalLM(transformers.LlamaConfig(
                vocab_size=32000, hidden_size=4096, intermediate_size=11008, num_hidden_layers=32,
                num_attention_heads=32)),
            "tinyLlama": transformers.LlamaForCausalLM(transformers.LlamaConfig(
                vocab_size=32000, hidden_size=2048, intermediate_size=5632, num_hidden_layers=22,
                num_attention_heads=32, num_key_value_heads=4)),
            "transformerBase": modules.Translation(37000, 512, 8, 6, 2048, False),
            "resNet18": resnet18(),
            "residual20": modules.residual(20),
            "residual56": modules.residual(56),
            "residual110": modules.residual(110),
            "kimTextCNN": modules.TextCNN(18766, 300, 100, [3, 4, 5], 2),
            "lstm": modules.Recurrent("LSTM", 20000, 128, 256, 2, 2, True, False),
        }
    return {name: sum(p.numel() for p in module.parameters()) for name, module in made.items()}


dense()
images()
texts()
language_models()
encoders()
translation()
write("models.json", {
    "transformers": transformers.__version__, "cases": cases, "counts": counts()})
