import CKernels
import Graphs

/// The same numbers in another storage type: float32 to bfloat16 rounds to nearest even.
struct Cast: Lowerable {
    var name: String { "cast" }
    var layouts: LayoutRule { .follows }

    func lower(_ site: Site) throws -> Instruction {
        let (x, y) = (site.operands[0], site.results[0])
        let (from, to) = (x.type.element.kernelType, y.type.element.kernelType)
        let count = x.layout.elementCount(of: x.type.shape)
        return Instruction(label: name) { lk_cast(x.slot.bytes($0), from, y.slot.bytes($0), to, count) }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}
