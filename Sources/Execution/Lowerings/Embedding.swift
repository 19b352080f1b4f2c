import CKernels
import Graphs

extension EmbeddingLookup: Lowerable {
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        let (table, ids, y) = (site.operands[0], site.operands[1], site.results[0])
        let (rows, width) = (table.type.shape[0], table.type.shape[1])
        let (tableType, yType) = (table.kernelType, y.kernelType)
        let count = ids.type.shape.elementCount
        return Instruction(label: name) {
            lk_embedding(
                table.slot.bytes($0), tableType, rows, width, ids.slot.integers($0), count, y.slot.bytes($0),
                yType)
        }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

extension EmbeddingGradient: Lowerable {
    func lower(_ site: Site) throws -> Instruction {
        let (ids, dy, table) = (site.operands[0], site.operands[1].slot, site.results[0])
        let (rows, width) = (table.type.shape[0], table.type.shape[1])
        let count = ids.type.shape.elementCount
        return Instruction(label: name) {
            lk_embedding_gradient(
                ids.slot.integers($0), count, dy.floats($0), rows, width, table.slot.floats($0))
        }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { operands[1].shape.elementCount }
}

/// The mean of looked-up rows, which are never written: (table, ids) → [batch, width].
struct EmbeddingMean: Lowerable {
    let paddingID: Int?
    var name: String { "embedding+masked-mean" }

    func lower(_ site: Site) throws -> Instruction {
        let (table, ids, y) = (site.operands[0], site.operands[1], site.results[0].slot)
        let (rows, width) = (table.type.shape[0], table.type.shape[1])
        let (samples, tokens) = (ids.type.shape[0], ids.type.shape[1])
        let padding = paddingID.map(Int64.init) ?? Int64.min
        return Instruction(label: name) {
            lk_embedding_mean(
                table.slot.floats($0), rows, width, ids.slot.integers($0), samples, tokens, padding,
                y.floats($0))
        }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int {
        operands[1].shape.elementCount * operands[0].shape[1]
    }
}

/// The gradient of ``EmbeddingMean`` by the table: (ids, upstream [batch, width]) → table.
struct EmbeddingMeanGradient: Lowerable {
    let paddingID: Int?
    var name: String { "embedding+masked-mean-gradient" }

    func lower(_ site: Site) throws -> Instruction {
        let (ids, dy, table) = (site.operands[0], site.operands[1].slot, site.results[0])
        let (rows, width) = (table.type.shape[0], table.type.shape[1])
        let (samples, tokens) = (ids.type.shape[0], ids.type.shape[1])
        let padding = paddingID.map(Int64.init) ?? Int64.min
        return Instruction(label: name) {
            lk_embedding_mean_gradient(
                ids.slot.integers($0), samples, tokens, padding, dy.floats($0), rows, width,
                table.slot.floats($0))
        }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int {
        operands[0].shape.elementCount * results[0].shape[1]
    }
}
