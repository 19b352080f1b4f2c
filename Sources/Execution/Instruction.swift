import Graphs

/// One prepared call of a kernel or a oneDNN primitive. Running it allocates nothing of ours.
struct Instruction {
    /// How it shows in plans and profiles.
    let label: String
    /// Does the work.
    let run: (UnsafePointer<Frame>) throws -> Void
}

/// Where an operation stands in a plan: the types and places of what it reads and writes.
struct Site {
    let operands: [(type: TensorType, slot: Slot)]
    let results: [(type: TensorType, slot: Slot)]
    /// Scratch memory of ``Lowerable/workspaceElementCount(operands:)`` floats.
    let workspace: Slot?
}

/// What an operation costs, for plans and profiles.
public struct OperationCost: Sendable {
    /// Floating-point operations.
    public var flops: Int
    /// Bytes read and written.
    public var byteCount: Int
}

/// An operation (of the graph, or fused by the planner) that can become an instruction.
protocol Lowerable: Sendable {
    /// The name in plans.
    var name: String { get }
    /// Prepares the instruction.
    func lower(_ site: Site) throws -> Instruction
    /// Floats of scratch memory needed while it runs.
    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int
    /// Whether the first result may take the first operand's memory.
    var canRunInPlace: Bool { get }
    /// Floating-point operations.
    func flops(operands: [TensorType], results: [TensorType]) -> Int
    /// A remark for plans, for instance which library runs it.
    func remark(operands: [TensorType], results: [TensorType]) -> String
}

extension Lowerable {
    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int { 0 }
    var canRunInPlace: Bool { false }
    func flops(operands: [TensorType], results: [TensorType]) -> Int {
        results.reduce(0) { $0 + $1.shape.elementCount }
    }
    func remark(operands: [TensorType], results: [TensorType]) -> String { "" }
}
