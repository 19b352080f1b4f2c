#!/usr/bin/env python3
"""Records logits, gradients and ten losses of small transformers of PyTorch in float64, for
RecordedTransformerTests.swift.

Run: python3 record_transformers.py (PyTorch on the CPU); it writes ../Recorded/transformers.json.

The models are written out here with torch.nn's parts and torch.nn.functional.scaled_dot_product_attention, and their
parameters are named as Hugging Face names those of GPT2LMHeadModel, LlamaForCausalLM, BertForSequenceClassification and
BertForMaskedLM, and as torch.nn.Transformer's.
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from recording import rounded, tensor, write

torch.set_default_dtype(torch.float64)
cases = []


def parameters(shapes):
    """Parameters by name: number i gets key 100 + i; weights of norms, the only ones of rank 1, are one more."""
    made = {}
    for index, (name, shape) in enumerate(shapes.items()):
        value = tensor(100 + index, shape, 0.3, torch.float64)
        if name.endswith(".weight") and len(shape) == 1:
            value = value + 1
        made[name] = value.to(torch.float32).to(torch.float64).requires_grad_()
    return made


def record(name, shapes, model, loss, steps=10):
    """Logits and gradients of the summed loss; losses of Adam on its mean."""
    p = parameters(shapes)
    logits = model(p)
    total, count = loss(logits)
    total.backward()
    entry = {
        "name": name,
        "names": list(shapes),
        "logits": rounded(logits, 6),
        "gradients": {name: rounded(v.grad, 6) for name, v in p.items()},
    }
    optimizer = torch.optim.Adam(list(p.values()), lr=1e-3)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        total, count = loss(model(p))
        (total / count).backward()
        losses.append(total.item() / count)
        optimizer.step()
    entry["losses"] = [float("%.10g" % value) for value in losses]
    cases.append(entry)


def ids(key, shape, limit):
    return ((tensor(key, shape, 1.0, torch.float64) + 1) / 2 * limit).long().clamp(max=limit - 1)


def heads(x, count):
    batch, tokens, width = x.shape
    return x.view(batch, tokens, count, width // count).transpose(1, 2)


def attend(q, k, v, count, shared=None, causal=False, padding=None):
    """padding: true where a key does not count."""
    q, k, v = heads(q, count), heads(k, shared or count), heads(v, shared or count)
    k, v = (x.repeat_interleave(count // (shared or count), 1) for x in (k, v))
    mask = None if padding is None else ~padding[:, None, None, :]
    if causal and mask is not None:
        mask = mask & torch.ones(q.shape[2], k.shape[2], dtype=torch.bool).tril()
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal and mask is None)
    return y.transpose(1, 2).flatten(2)


def linear(p, name, x):
    return F.linear(x, p[name + ".weight"], p.get(name + ".bias"))


def norm(p, name, x, eps):
    return F.layer_norm(x, x.shape[-1:], p[name + ".weight"], p[name + ".bias"], eps)


def token_loss(labels):
    return lambda logits: (F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum"), labels.numel())


def gpt():
    V, T, L, C, H, B = 11, 6, 2, 8, 2, 3
    shapes = {"transformer.wte.weight": (V, C), "transformer.wpe.weight": (T + 2, C)}
    for l in range(L):
        h = f"transformer.h.{l}."
        shapes |= {h + "ln_1.weight": (C,), h + "ln_1.bias": (C,), h + "attn.c_attn.weight": (C, 3 * C),
                   h + "attn.c_attn.bias": (3 * C,), h + "attn.c_proj.weight": (C, C), h + "attn.c_proj.bias": (C,),
                   h + "ln_2.weight": (C,), h + "ln_2.bias": (C,), h + "mlp.c_fc.weight": (C, 4 * C),
                   h + "mlp.c_fc.bias": (4 * C,), h + "mlp.c_proj.weight": (4 * C, C), h + "mlp.c_proj.bias": (C,)}
    shapes |= {"transformer.ln_f.weight": (C,), "transformer.ln_f.bias": (C,)}
    tokens, labels = ids(1, (B, T), V), ids(2, (B, T), V)

    def conv(p, name, x):  # Hugging Face's Conv1D holds [in, out]
        return x @ p[name + ".weight"] + p[name + ".bias"]

    def model(p):
        x = p["transformer.wte.weight"][tokens] + p["transformer.wpe.weight"][:T]
        for l in range(L):
            h = f"transformer.h.{l}."
            q, k, v = conv(p, h + "attn.c_attn", norm(p, h + "ln_1", x, 1e-5)).chunk(3, -1)
            x = x + conv(p, h + "attn.c_proj", attend(q, k, v, H, causal=True))
            hidden = F.gelu(conv(p, h + "mlp.c_fc", norm(p, h + "ln_2", x, 1e-5)), approximate="tanh")
            x = x + conv(p, h + "mlp.c_proj", hidden)
        return norm(p, "transformer.ln_f", x, 1e-5) @ p["transformer.wte.weight"].T

    record("gpt", shapes, model, token_loss(labels))


def llama():
    V, T, L, C, H, G, M, B = 11, 6, 2, 8, 4, 2, 12, 2
    D = C // H
    shapes = {"model.embed_tokens.weight": (V, C)}
    for l in range(L):
        h = f"model.layers.{l}."
        shapes |= {h + "input_layernorm.weight": (C,), h + "self_attn.q_proj.weight": (C, C),
                   h + "self_attn.k_proj.weight": (G * D, C), h + "self_attn.v_proj.weight": (G * D, C),
                   h + "self_attn.o_proj.weight": (C, C), h + "post_attention_layernorm.weight": (C,),
                   h + "mlp.gate_proj.weight": (M, C), h + "mlp.up_proj.weight": (M, C),
                   h + "mlp.down_proj.weight": (C, M)}
    shapes |= {"model.norm.weight": (C,), "lm_head.weight": (V, C)}
    tokens, labels = ids(1, (B, T), V), ids(2, (B, T), V)
    angles = torch.arange(T)[:, None] * 10000.0 ** (-torch.arange(0, D, 2) / D)
    cos, sin = (torch.cat([f(angles), f(angles)], -1)[:, None] for f in (torch.cos, torch.sin))

    def turn(x):
        y = x.view(*x.shape[:2], -1, D)
        half = torch.cat([-y[..., D // 2:], y[..., : D // 2]], -1)
        return (y * cos + half * sin).flatten(2)

    def rms(p, name, x):
        return F.rms_norm(x, x.shape[-1:], p[name + ".weight"], 1e-5)

    def model(p):
        x = p["model.embed_tokens.weight"][tokens]
        for l in range(L):
            h = f"model.layers.{l}."
            y = rms(p, h + "input_layernorm", x)
            q, k, v = (linear(p, h + f"self_attn.{n}_proj", y) for n in "qkv")
            x = x + linear(p, h + "self_attn.o_proj", attend(turn(q), turn(k), v, H, G, causal=True))
            y = rms(p, h + "post_attention_layernorm", x)
            hidden = F.silu(linear(p, h + "mlp.gate_proj", y)) * linear(p, h + "mlp.up_proj", y)
            x = x + linear(p, h + "mlp.down_proj", hidden)
        return linear(p, "lm_head", rms(p, "model.norm", x))

    record("llama", shapes, model, token_loss(labels))


def bert_shapes(V, P, L, C, M, prefix):
    shapes = {prefix + "embeddings.word_embeddings.weight": (V, C),
              prefix + "embeddings.position_embeddings.weight": (P, C),
              prefix + "embeddings.token_type_embeddings.weight": (2, C),
              prefix + "embeddings.LayerNorm.weight": (C,), prefix + "embeddings.LayerNorm.bias": (C,)}
    for l in range(L):
        h = prefix + f"encoder.layer.{l}."
        for name in ("query", "key", "value"):
            shapes |= {h + f"attention.self.{name}.weight": (C, C), h + f"attention.self.{name}.bias": (C,)}
        shapes |= {h + "attention.output.dense.weight": (C, C), h + "attention.output.dense.bias": (C,),
                   h + "attention.output.LayerNorm.weight": (C,), h + "attention.output.LayerNorm.bias": (C,),
                   h + "intermediate.dense.weight": (M, C), h + "intermediate.dense.bias": (M,),
                   h + "output.dense.weight": (C, M), h + "output.dense.bias": (C,),
                   h + "output.LayerNorm.weight": (C,), h + "output.LayerNorm.bias": (C,)}
    return shapes


def bert_encoder(p, prefix, L, H, tokens, types):
    T = tokens.shape[1]
    x = p[prefix + "embeddings.word_embeddings.weight"][tokens]
    x = x + p[prefix + "embeddings.position_embeddings.weight"][:T]
    x = x + p[prefix + "embeddings.token_type_embeddings.weight"][types]
    x = norm(p, prefix + "embeddings.LayerNorm", x, 1e-12)
    for l in range(L):
        h = prefix + f"encoder.layer.{l}."
        q, k, v = (linear(p, h + "attention.self." + n, x) for n in ("query", "key", "value"))
        y = linear(p, h + "attention.output.dense", attend(q, k, v, H, padding=tokens == 0))
        x = norm(p, h + "attention.output.LayerNorm", x + y, 1e-12)
        y = linear(p, h + "output.dense", F.gelu(linear(p, h + "intermediate.dense", x)))
        x = norm(p, h + "output.LayerNorm", x + y, 1e-12)
    return x


def bert():
    V, T, L, C, H, M, B, K = 11, 6, 1, 8, 2, 12, 3, 3
    tokens = ids(1, (B, T), V)
    tokens[0, 4:] = 0
    tokens[:, 0] = 3
    shapes = bert_shapes(V, T + 2, L, C, M, "bert.")
    shapes |= {"bert.pooler.dense.weight": (C, C), "bert.pooler.dense.bias": (C,), "classifier.weight": (K, C),
               "classifier.bias": (K,)}
    labels = ids(2, (B,), K)

    def classify(types):
        def model(p):
            read = bert_encoder(p, "bert.", L, H, tokens, types)
            return linear(p, "classifier", torch.tanh(linear(p, "bert.pooler.dense", read[:, 0])))
        return model

    loss = lambda logits: (F.cross_entropy(logits, labels, reduction="sum"), B)
    record("bertClassifier", shapes, classify(ids(3, (B, T), 2)), loss)
    record("bertClassifierOfOneType", shapes, classify(torch.zeros_like(tokens)), loss)

    shapes = bert_shapes(V, T + 2, L, C, M, "bert.")
    shapes |= {"cls.predictions.transform.dense.weight": (C, C), "cls.predictions.transform.dense.bias": (C,),
               "cls.predictions.transform.LayerNorm.weight": (C,), "cls.predictions.transform.LayerNorm.bias": (C,),
               "cls.predictions.bias": (V,)}

    def guess(p):
        read = bert_encoder(p, "bert.", L, H, tokens, torch.zeros_like(tokens))
        y = F.gelu(linear(p, "cls.predictions.transform.dense", read))
        y = norm(p, "cls.predictions.transform.LayerNorm", y, 1e-12)
        return y @ p["bert.embeddings.word_embeddings.weight"].T + p["cls.predictions.bias"]

    record("maskedLanguageModel", shapes, guess, token_loss(ids(2, (B, T), V)))


def translation(order):
    """torch.nn.Transformer itself."""
    V, S, T, L, C, H, M, B = 11, 5, 4, 1, 8, 2, 12, 3
    source, target, labels = ids(1, (B, S), V), ids(2, (B, T), V), ids(4, (B, T), V)
    source[0, 3:] = 0
    source[:, 0] = 3
    target[1, 3:] = 0
    target[:, 0] = 2

    def attention(name):
        return {name + ".in_proj_weight": (3 * C, C), name + ".in_proj_bias": (3 * C,),
                name + ".out_proj.weight": (C, C), name + ".out_proj.bias": (C,)}

    def rest(name, norms):
        made = {name + "linear1.weight": (M, C), name + "linear1.bias": (M,), name + "linear2.weight": (C, M),
                name + "linear2.bias": (C,)}
        for i in range(norms):
            made |= {name + f"norm{i + 1}.weight": (C,), name + f"norm{i + 1}.bias": (C,)}
        return made

    shapes = {"embedding.weight": (V, C)}
    for l in range(L):
        e, d = f"encoder.layers.{l}.", f"decoder.layers.{l}."
        shapes |= attention(e + "self_attn") | rest(e, 2)
        shapes |= attention(d + "self_attn") | attention(d + "multihead_attn") | rest(d, 3)
    for part in ("encoder", "decoder"):
        shapes |= {part + ".norm.weight": (C,), part + ".norm.bias": (C,)}
    transformer = nn.Transformer(C, H, L, L, M, dropout=0.0, batch_first=True, norm_first=order == "before")
    transformer.encoder.enable_nested_tensor = False
    angle = torch.arange(8)[:, None] / 10000.0 ** (torch.arange(0, C, 2) / C)
    waves = torch.stack([torch.sin(angle), torch.cos(angle)], -1).flatten(1)

    def model(p):
        named = {name: p[name] for name, _ in transformer.named_parameters()}
        x = p["embedding.weight"][source] * math.sqrt(C) + waves[:S]
        y = p["embedding.weight"][target] * math.sqrt(C) + waves[:T]
        masks = dict(tgt_mask=torch.ones(T, T, dtype=torch.bool).triu(1), src_key_padding_mask=source == 0,
                     tgt_key_padding_mask=target == 0, memory_key_padding_mask=source == 0)
        read = torch.func.functional_call(transformer, named, (x, y), masks)
        return read @ p["embedding.weight"].T

    record("translation." + order, shapes, model, token_loss(labels))


gpt()
llama()
bert()
translation("after")
translation("before")
write("transformers.json", {"cases": cases})
