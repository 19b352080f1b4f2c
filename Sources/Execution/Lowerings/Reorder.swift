import CKernels
import COneDNN
import Diagnostics
import Graphs

/// Moves an image from one layout to another; the layout pass plans it.
struct Reorder: Lowerable {
    var name: String { "reorder" }
    var layouts: LayoutRule { .chooses }

    func lower(_ site: Site) throws -> Instruction {
        let (x, y) = (site.operands[0], site.results[0])
        let handle = try ReorderHandle(x.type, from: x.layout, to: y.layout)
        return Instruction(label: name) { try handle.run(x.slot.bytes($0), y.slot.bytes($0)) }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

/// oneDNN's primitive of a reorder.
private final class ReorderHandle {
    private var handle: UnsafeMutablePointer<cdnn_reorder>?

    init(_ type: TensorType, from: TensorLayout, to: TensorLayout) throws {
        let extents = type.shape.dimensions.map(Int64.init)
        func block(_ layout: TensorLayout) -> Int32 { layout == .plain ? 0 : Int32(layout.block) }
        let status = cdnn_reorder_create(
            &handle, extents[0], extents[1], extents[2], extents[3], block(from), block(to),
            type.element == .bfloat16 ? 1 : 0)
        try Self.check(status, "prepare")
    }

    deinit { cdnn_reorder_destroy(handle) }

    func run(_ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer) throws {
        lk_enter_library()
        defer { lk_leave_library() }
        try Self.check(cdnn_reorder_run(handle, from, to), "run")
    }

    private static func check(_ status: dnnl_status_t, _ what: String) throws {
        guard status == dnnl_success else {
            throw LockstepError(
                .internalError, "oneDNN could not \(what) a reorder (status \(status.rawValue))",
                remedy: "run 'lockstep doctor' and report its output")
        }
    }
}
