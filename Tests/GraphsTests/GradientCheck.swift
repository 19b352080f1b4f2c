import Diagnostics
import Graphs
import Testing

/// Stands for a layer: parameters belong to an object.
final class Owner {}

/// Parameters of these tests get their values from the test.
struct NoValues: Initializer {
    func fill(_ values: UnsafeMutableBufferPointer<Float>, shape: Shape, stream: RandomStream) {}
}

/// A graph under construction with values for its parameters and inputs.
final class GradientCheck {
    let graph = Graph()
    private let owner = Owner()
    private let stream: RandomStream
    private var drawn = 0
    private(set) var values: [ReferenceArray] = []
    private(set) var inputs: [String: ReferenceArray] = [:]
    var context = ReferenceContext(seed: 77, step: 3, firstSample: 5)

    init(seed: Int = 1) { stream = RandomStream(seed: UInt64(seed), purpose: 4) }

    /// A number in ±1.5, at least 0.05 away from zero, where ReLU has no derivative.
    func number() -> Double {
        drawn += 1
        let value = Double(stream.uniform(drawn)) * 2.9 - 1.45
        return value + (value < 0 ? -0.05 : 0.05)
    }

    func parameter(_ shape: Shape) throws -> Tensor {
        let tensor = try graph.parameter(
            "p\(values.count)", of: owner, shape: shape, initializer: NoValues())
        values.append(ReferenceArray(shape, (0..<shape.elementCount).map { _ in number() }))
        return tensor
    }

    func input(_ shape: Shape) -> Tensor {
        let name = "x\(inputs.count)"
        inputs[name] = ReferenceArray(shape, (0..<shape.elementCount).map { _ in number() })
        return graph.input(name, TensorType(shape))
    }

    func ids(_ shape: Shape, _ ids: [Int]) -> Tensor {
        let name = "x\(inputs.count)"
        inputs[name] = ReferenceArray(shape, ids.map(Double.init))
        return graph.input(name, TensorType(shape, .int32))
    }

    /// Σ value ⊙ weights with fixed random weights: a loss in which every element counts differently.
    func weighted(_ value: Tensor) throws -> Tensor { try (value * input(value.shape)).sum() }

    /// Compares the gradients of a scalar by every parameter with central differences.
    func verify(_ loss: Tensor, location: SourceLocation = #_sourceLocation) throws {
        let gradients = try graph.gradients(of: loss)
        try #require(gradients.count == values.count, sourceLocation: location)
        let present = gradients.compactMap { $0 }
        var computed = graph.evaluate(present, inputs: inputs, parameters: values, context: context)
        for (ordinal, gradient) in gradients.enumerated() {
            let analytic =
                gradient == nil
                ? ReferenceArray(values[ordinal].shape, repeating: 0) : computed.removeFirst()
            #expect(analytic.shape == values[ordinal].shape, sourceLocation: location)
            #expect(gradient?.shape ?? analytic.shape == values[ordinal].shape, sourceLocation: location)
            for element in values[ordinal].values.indices {
                let numeric = difference(loss, ordinal, element)
                let scale = max(1, abs(numeric))
                #expect(
                    abs(analytic.values[element] - numeric) < 2e-7 * scale,
                    "parameter \(ordinal), element \(element)", sourceLocation: location)
            }
        }
    }

    private func difference(_ loss: Tensor, _ ordinal: Int, _ element: Int) -> Double {
        let step = 1e-5
        func value(_ move: Double) -> Double {
            var moved = values
            moved[ordinal].values[element] += move
            return graph.evaluate([loss], inputs: inputs, parameters: moved, context: context)[0].values[0]
        }
        return (value(step) - value(-step)) / (2 * step)
    }
}
