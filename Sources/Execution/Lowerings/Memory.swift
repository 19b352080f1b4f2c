import CKernels
import Graphs

/// Sets a value everywhere: the gradient of a parameter that the loss does not depend on, and constants.
struct Fill: Lowerable {
    let value: Float
    var name: String { "fill" }

    func lower(_ site: Site) throws -> Instruction {
        let (y, count, value) = (site.results[0].slot, site.results[0].type.shape.elementCount, value)
        return Instruction(label: name) { y.floats($0).update(repeating: value, count: count) }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

/// Copies a value to a second place.
struct Copy: Lowerable {
    var name: String { "copy" }

    func lower(_ site: Site) throws -> Instruction {
        let (x, y, count) = (
            site.operands[0].slot, site.results[0].slot, site.results[0].type.shape.elementCount
        )
        return Instruction(label: name) { y.floats($0).update(from: x.floats($0), count: count) }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

extension Reshape: Lowerable {
    /// Simplification turns reshapes into views; this one only runs where that pass is left out.
    func lower(_ site: Site) throws -> Instruction { try Copy().lower(site) }
}
