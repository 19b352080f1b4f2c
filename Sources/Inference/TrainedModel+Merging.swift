import Checkpoints
import Execution
import NeuralNetworks

extension TrainedModel {
    /// All parameters and state as one file holds them, by rising name, with low-rank adapters added to the matrices that
    /// they change: W + (alpha / rank)·A·B, summed in float64. The model without adapters then gives the same numbers up to
    /// rounding.
    public func mergedTensors() -> [NamedTensor] {
        let merged = UnsafeMutablePointer<Float>.allocate(capacity: layout.elementCount)
        defer { merged.deallocate() }
        merged.initialize(from: parameters, count: layout.elementCount)
        let segments = Dictionary(uniqueKeysWithValues: layout.segments.map { ($0.name, $0) })
        for down in layout.segments where down.name.hasSuffix(Self.downName) {
            let layer = down.name.dropLast(Self.downName.count)
            let matrix = segments[layer + "weight"] ?? segments[layer + "in_proj_weight"]
            guard let matrix, let up = segments[layer + "lora_B.weight"] else { continue }
            add(down, up, to: matrix, in: merged)
        }
        return layout.allSegments.filter { !LowRankAdapter.owns($0.name) }
            .map { NamedTensor($0.name, shape: $0.storedShape, values: layout.export($0, from: merged)) }
            .sorted { $0.name < $1.name }
    }

    private static let downName = "lora_A.weight"

    /// The arenas hold matrices as [inputs, outputs].
    private func add(
        _ down: ParameterLayout.Segment, _ up: ParameterLayout.Segment, to matrix: ParameterLayout.Segment,
        in arena: UnsafeMutablePointer<Float>
    ) {
        let (inputs, rank, outputs) = (down.shape[0], down.shape[1], up.shape[1])
        let scale = (scenario.recipe.start?.adapters?.alpha ?? 0) / Double(rank)
        for input in 0..<inputs {
            for output in 0..<outputs {
                let change = (0..<rank).reduce(0.0) { sum, place in
                    sum + Double(parameters[down.offset + input * rank + place])
                        * Double(parameters[up.offset + place * outputs + output])
                }
                let element = matrix.offset + input * outputs + output
                arena[element] = Float(Double(arena[element]) + scale * change)
            }
        }
    }
}
