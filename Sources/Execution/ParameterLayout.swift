import Graphs

/// Where each parameter lives in the flat arenas: in the order in which backward finishes their gradients (last layer
/// first), each on a 64-byte boundary, the whole a multiple of the norm's chunk. Padding is always zero.
///
/// Behind them, from the next chunk on, lies state that is not trained but follows statistics (``Graph/buffers``). Its
/// place in the gradient arenas takes the loss terms of a micro-batch times its statistic, so that the sum over
/// micro-batches divided by the count of terms is the weighted mean.
public struct ParameterLayout: Sendable {
    /// One parameter's place.
    public struct Segment: Sendable {
        /// The name in checkpoints.
        public let name: String
        /// The shape as the engine holds it.
        public let shape: Shape
        /// How checkpoints hold it.
        public let storage: ParameterStorage
        /// Where its first values come from.
        public let initializer: any Initializer
        /// Whether L1 and L2 regularization apply.
        public let isRegularized: Bool
        /// The first element in the arenas.
        public let offset: Int
        /// For state that follows a statistic, how much of a step's statistic enters; `nil` for what is trained.
        public let momentum: Double?
        /// Which parameter of the model it is, in the order of the trace: the key of its random stream. (Which buffer,
        /// for state.)
        public let ordinal: Int

        /// Elements without padding.
        public var elementCount: Int { shape.elementCount }
        /// The first element after its padding.
        public var end: Int { offset + ParameterLayout.padded(elementCount, to: ParameterLayout.alignment) }
        /// The shape in checkpoints.
        public var storedShape: [Int] {
            storage == .transposed ? shape.dimensions.reversed() : shape.dimensions
        }
    }

    /// Elements of a 64-byte line.
    public static let alignment = 16
    /// Elements of a chunk of the gradient norm.
    public static let chunk = 1024

    /// The parameters in the order of the arenas.
    public let segments: [Segment]
    /// The state that is not trained, in the order of the arenas.
    public let buffers: [Segment]
    /// Elements that parameters take, padding included; a multiple of ``chunk``. The gradient norm is over these.
    public let trainedElementCount: Int
    /// Elements of an arena, padding included; a multiple of ``chunk``.
    public let elementCount: Int

    /// Lays out the parameters of a trace.
    public init(_ trace: ModelTrace) {
        let graph = trace.graph
        let order = graph.parameters.indices.sorted {
            Self.readiness($0, in: trace) < Self.readiness($1, in: trace)
        }
        var segments: [Segment] = []
        for ordinal in order {
            let parameter = graph.parameters[ordinal]
            segments.append(
                Segment(
                    name: parameter.name, shape: parameter.shape, storage: parameter.storage,
                    initializer: parameter.initializer, isRegularized: parameter.isRegularized,
                    offset: segments.last?.end ?? 0, momentum: nil, ordinal: ordinal))
        }
        self.segments = segments
        trainedElementCount = max(Self.chunk, Self.padded(segments.last?.end ?? 0, to: Self.chunk))
        buffers = Self.bufferSegments(graph, from: trainedElementCount)
        elementCount = Self.padded(buffers.last?.end ?? trainedElementCount, to: Self.chunk)
    }

    private static func bufferSegments(_ graph: Graph, from start: Int) -> [Segment] {
        var segments: [Segment] = []
        for (ordinal, buffer) in graph.buffers.enumerated() {
            segments.append(
                Segment(
                    name: buffer.name, shape: buffer.shape, storage: .asIs,
                    initializer: Constant(buffer.initial), isRegularized: false,
                    offset: segments.last?.end ?? start, momentum: buffer.momentum, ordinal: ordinal))
        }
        return segments
    }

    /// Parameters and state: everything that a checkpoint of the model holds.
    public var allSegments: [Segment] { segments + buffers }

    /// The parameters' elements without padding.
    public var parameterCount: Int { segments.reduce(0) { $0 + $1.elementCount } }

    /// The segment of a parameter of the model, by its place in the trace.
    public func segment(ordinal: Int) -> Segment { segments[position[ordinal] ?? 0] }

    private var position: [Int: Int] {
        Dictionary(uniqueKeysWithValues: segments.enumerated().map { ($1.ordinal, $0) })
    }

    /// Backward finishes gradients in the order of their nodes; without gradients, the last parameter comes first.
    private static func readiness(_ ordinal: Int, in trace: ModelTrace) -> Int {
        guard ordinal < trace.gradients.count, let gradient = trace.gradients[ordinal] else {
            return -ordinal
        }
        return gradient.node
    }

    /// A count rounded up to a multiple.
    public static func padded(_ count: Int, to multiple: Int) -> Int {
        (count + multiple - 1) / multiple * multiple
    }

    /// Writes the first values of all parameters and state, a pure function of the seed, into an arena of zeros.
    public func initialize(_ arena: UnsafeMutablePointer<Float>, seed: UInt64) {
        for segment in allSegments {
            let values = UnsafeMutableBufferPointer(
                start: arena + segment.offset, count: segment.elementCount)
            let purpose = RandomStream(seed: seed, purpose: 0x7061_7261, UInt32(segment.ordinal))
            segment.initializer.fill(values, shape: segment.shape, stream: purpose)
        }
    }

    /// Copies a parameter out of an arena in the layout of checkpoints.
    public func export(_ segment: Segment, from arena: UnsafePointer<Float>) -> [Float] {
        let values = Array(UnsafeBufferPointer(start: arena + segment.offset, count: segment.elementCount))
        return segment.storage == .transposed ? Self.transpose(values, rows: segment.shape[0]) : values
    }

    /// Copies a parameter in the layout of checkpoints into an arena; `values` has the segment's element count.
    public func restore(_ segment: Segment, from values: [Float], to arena: UnsafeMutablePointer<Float>) {
        let ours =
            segment.storage == .transposed ? Self.transpose(values, rows: segment.shape[1]) : values
        _ = UnsafeMutableBufferPointer(start: arena + segment.offset, count: segment.elementCount)
            .update(fromContentsOf: ours)
    }

    private static func transpose(_ values: [Float], rows: Int) -> [Float] {
        let columns = values.count / max(rows, 1)
        var result = [Float](repeating: 0, count: values.count)
        for row in 0..<rows {
            for column in 0..<columns { result[column * rows + row] = values[row * columns + column] }
        }
        return result
    }
}

/// The same number everywhere: state before the first step.
private struct Constant: Initializer {
    let value: Float

    init(_ value: Float) { self.value = value }

    func fill(_ values: UnsafeMutableBufferPointer<Float>, shape: Shape, stream: RandomStream) {
        values.update(repeating: value)
    }
}
