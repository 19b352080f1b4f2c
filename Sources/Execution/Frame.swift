/// What a program's instructions see while it runs: where memory is, and the keys of the random numbers.
public struct Frame {
    /// Base addresses by ``MemoryRegion``: activations, parameters, gradients, bfloat16 parameters, then the fields of the micro-batch.
    let bases: UnsafeMutablePointer<UnsafeMutableRawPointer>
    /// The seed of the run.
    var seed: UInt64 = 0
    /// The global step.
    var step: UInt64 = 0
    /// The position of the micro-batch's first sample in the step's global batch.
    var firstSample = 0
    /// Where the program meets those of the other shards; `nil` for a shard that is alone.
    var meeting: (any ShardMeeting)?
}

/// The memories that a slot may lie in.
enum MemoryRegion: Hashable {
    /// The program's own arena of activations and workspaces.
    case activations
    /// The node's parameters.
    case parameters
    /// The lane's gradients.
    case gradients
    /// The node's parameters as bfloat16.
    case narrowParameters
    /// A field of the micro-batch.
    case field(Int)

    /// The index of the first field in ``Frame/bases``.
    static let fieldBase = 4

    /// The index in ``Frame/bases``.
    var index: Int {
        switch self {
        case .activations: 0
        case .parameters: 1
        case .gradients: 2
        case .narrowParameters: 3
        case .field(let number): Self.fieldBase + number
        }
    }
}

/// A place in memory that is fixed but for the region's base address.
struct Slot: Equatable {
    let region: MemoryRegion
    let byteOffset: Int
    private let index: Int

    init(_ region: MemoryRegion, byteOffset: Int) {
        self.region = region
        self.byteOffset = byteOffset
        index = region.index
    }

    func bytes(_ frame: UnsafePointer<Frame>) -> UnsafeMutableRawPointer {
        frame.pointee.bases[index] + byteOffset
    }

    func floats(_ frame: UnsafePointer<Frame>) -> UnsafeMutablePointer<Float> {
        (frame.pointee.bases[index] + byteOffset).assumingMemoryBound(to: Float.self)
    }

    func integers(_ frame: UnsafePointer<Frame>) -> UnsafeMutablePointer<Int32> {
        (frame.pointee.bases[index] + byteOffset).assumingMemoryBound(to: Int32.self)
    }
}
