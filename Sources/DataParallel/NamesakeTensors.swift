import Diagnostics

/// Tensors that checkpoints of PyTorch's and Hugging Face's models hold beside the parameters, and that this engine does
/// without. Any other tensor that a model lacks is an error.
public enum NamesakeTensors {
    /// Constants and counters by the end of their names: batch norm's count of batches, the causal masks of GPT-2, the
    /// positions 0, 1, 2 … of BERT, the frequencies of rotary positions.
    private static let ends = [
        ".num_batches_tracked", ".attn.bias", ".attn.masked_bias", ".position_ids", ".rotary_emb.inv_freq",
    ]

    /// Tied output layers, which a module's `state_dict` lists a second time, and whose tensors they are.
    private static let copies = [
        "lm_head.weight": ["transformer.wte.weight", "model.embed_tokens.weight"],
        "cls.predictions.decoder.weight": ["bert.embeddings.word_embeddings.weight"],
        "cls.predictions.decoder.bias": ["cls.predictions.bias"],
    ]

    /// Whether a tensor of this name is a known constant or counter.
    public static func holdsNoParameter(_ name: String) -> Bool { ends.contains { name.hasSuffix($0) } }

    /// Whether a tensor that the model lacks is a known name for one that it has.
    static func isCopy(_ name: String, known: Set<String>) -> Bool {
        !known.contains(name) && copies[name]?.contains { known.contains($0) } == true
    }

    /// Checks that second names stand for the same numbers.
    /// - Throws: `LockstepError` where an output layer was trained on its own.
    static func requireCopies(_ tensors: [String: StoredTensor], known: Set<String>) throws {
        for (name, originals) in copies where isCopy(name, known: known) {
            guard let copy = tensors[name], let original = originals.first(where: { known.contains($0) }),
                copy != tensors[original]
            else { continue }
            throw LockstepError(
                .mismatch,
                "tensor '\(name)' of the checkpoint differs from '\(original)', which the model ties it to",
                remedy: "use a model whose output layer is not tied to the embedding")
        }
    }
}
