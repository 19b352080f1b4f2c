/// A tensor of float64 in plain Swift, for truth rather than speed. Integers are held as whole numbers.
public struct ReferenceArray: Sendable {
    /// The extents.
    public var shape: Shape
    /// The elements, row-major.
    public var values: [Double]

    /// Creates an array.
    public init(_ shape: Shape, _ values: [Double]) {
        self.shape = shape
        self.values = values
    }

    /// An array of one repeated value.
    public init(_ shape: Shape, repeating value: Double) {
        self.init(shape, Array(repeating: value, count: shape.elementCount))
    }

    /// A scalar.
    public init(_ value: Double) { self.init(.scalar, [value]) }

    /// The same shape with every element mapped.
    public func map(_ transform: (Double) -> Double) -> ReferenceArray { .init(shape, values.map(transform)) }

    /// Two arrays of the same shape, element by element.
    public func zip(_ other: ReferenceArray, _ combine: (Double, Double) -> Double) -> ReferenceArray {
        .init(shape, Swift.zip(values, other.values).map { combine($0, $1) })
    }
}

/// What an evaluation needs beside the operands: the keys of its random numbers.
public struct ReferenceContext: Sendable {
    /// The seed of the run.
    public var seed: UInt64
    /// The global step.
    public var step: UInt64
    /// The position of the micro-batch's first sample in the step's global batch.
    public var firstSample: Int

    /// Creates a context.
    public init(seed: UInt64 = 0, step: UInt64 = 0, firstSample: Int = 0) {
        self.seed = seed
        self.step = step
        self.firstSample = firstSample
    }
}

extension Graph {
    /// Computes nodes in float64 by their reference rules.
    /// - Parameters:
    ///   - inputs: the micro-batch by field name.
    ///   - parameters: values in the order of ``parameters``.
    ///   - buffers: values in the order of ``buffers``; their first values where left out.
    /// - Returns: the values of `outputs`, in that order.
    public func evaluate(
        _ outputs: [Tensor], inputs: [String: ReferenceArray], parameters: [ReferenceArray],
        buffers: [ReferenceArray]? = nil, context: ReferenceContext = ReferenceContext()
    ) -> [ReferenceArray] {
        var values: [ReferenceArray] = []
        let last = outputs.map(\.node).max() ?? -1
        for node in nodes[...last] {
            switch node.leaf {
            case .input(let name):
                values.append(inputs[name] ?? ReferenceArray(node.type.shape, repeating: 0))
            case .parameter(let index): values.append(parameters[index])
            case .buffer(let index):
                let first = ReferenceArray(
                    self.buffers[index].shape, repeating: Double(self.buffers[index].initial))
                values.append(buffers?[index] ?? first)
            case .constant(let value): values.append(ReferenceArray(value))
            case nil:
                if let companion = node.operation as? Companion {
                    let operands = companion.sources.map { values[$0] }
                    let all = companion.operation.companionReferences(operands, in: context)
                    values.append(all[companion.index])
                    continue
                }
                let operands = node.operands.map { values[$0] }
                values.append(node.operation!.reference(operands, in: context))
            }
        }
        return outputs.map { values[$0.node] }
    }
}
