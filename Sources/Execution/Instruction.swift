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
    /// One value that an instruction reads or writes.
    struct Value {
        /// Shape and element as stored.
        let type: TensorType
        /// How its elements lie.
        let layout: TensorLayout
        /// Where it is.
        let slot: Slot

        /// Elements in memory, with those that only fill a block up.
        var storedCount: Int { layout.elementCount(of: type.shape) }
    }

    let operands: [Value]
    /// The result, and the operation's companions where backward reads them.
    let results: [Value]
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
    /// Whether a result may take the first operand's memory.
    var canRunInPlace: Bool { get }
    /// Which result that is.
    var inPlaceResult: Int { get }
    /// Floating-point operations.
    func flops(operands: [TensorType], results: [TensorType]) -> Int
    /// How the operation takes part in bfloat16 compute.
    var precision: PrecisionRule { get }
    /// The same where it depends on the operands, for instance on their size.
    func precision(operands: [TensorType], results: [TensorType]) -> PrecisionRule
    /// Which layouts of images it can work on.
    var layouts: LayoutRule { get }
    /// A remark for plans, for instance which library runs it.
    func remark(operands: [TensorType], results: [TensorType]) -> String
    /// The numbers that it hands to the other logical shards of the step, where it meets them; `nil` for nearly all.
    func meetingValueCount(operands: [TensorType]) -> Int?
}

/// How an operation takes part in bfloat16 compute; the precision pass obeys it.
enum PrecisionRule {
    /// Reads and writes float32 only.
    case float32
    /// Computes in bfloat16 when asked: the operands listed and the first result are then stored so (products,
    /// convolutions, attention); all others stay float32.
    /// `narrowsResult` is false where the result goes on a sum in float32 (a residual).
    case computes(operands: [Int], narrowsResult: Bool = true)
    /// Computes in float32 and reads and writes either, told by each value's element type (elementwise operations,
    /// norms). The operands and results listed may be bfloat16, each on its own.
    case follows(operands: [Int], results: [Int])
}

/// Which layouts of images an operation can work on; the layout pass obeys it.
enum LayoutRule {
    /// Row-major only.
    case plain
    /// Works on blocked channels as on a plain array (element by element, and zero stays zero), when all operands of
    /// rank 4 and the result have the same layout.
    case follows
    /// The operation chooses; see `ChoosesLayout`.
    case chooses
}

extension Lowerable {
    var precision: PrecisionRule { .float32 }
    func precision(operands: [TensorType], results: [TensorType]) -> PrecisionRule { precision }
    var layouts: LayoutRule { .plain }
    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int { 0 }
    var canRunInPlace: Bool { false }
    var inPlaceResult: Int { 0 }
    func flops(operands: [TensorType], results: [TensorType]) -> Int {
        results.reduce(0) { $0 + $1.shape.elementCount }
    }
    func remark(operands: [TensorType], results: [TensorType]) -> String { "" }
    func meetingValueCount(operands: [TensorType]) -> Int? { nil }
}
