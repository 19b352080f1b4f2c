import Execution
import Graphs
import NeuralNetworks
import Testing

@Suite struct ParameterLayoutTests {
    private func trace(_ widths: [Int]) throws -> ModelTrace {
        try ModelTrace(
            DenseNetwork(hidden: widths, outputs: 1), sampleCount: 2, input: .init("x", [5]),
            label: .init("y", []), loss: .sigmoidCrossEntropy, isTraining: true)
    }

    @Test(arguments: [[], [1], [17, 33], [64, 64], [100, 3, 15]]) func segmentsAreAlignedAndApart(
        widths: [Int]
    ) throws {
        let layout = ParameterLayout(try trace(widths))
        var end = 0
        for segment in layout.segments {
            #expect(segment.offset == end && segment.offset % 16 == 0)
            #expect(segment.end >= segment.offset + segment.elementCount && segment.end % 16 == 0)
            end = segment.end
        }
        #expect(
            layout.elementCount >= end && layout.elementCount % 1024 == 0 && layout.elementCount - end < 1024)
        #expect(layout.parameterCount == layout.segments.reduce(0) { $0 + $1.shape.elementCount })
        #expect(Set(layout.segments.map(\.ordinal)) == Set(0..<layout.segments.count))
        for segment in layout.segments {
            #expect(layout.segment(ordinal: segment.ordinal).name == segment.name)
        }
    }

    @Test func stateLiesBehindTheParametersInChunksOfItsOwn() throws {
        let model = Sequential {
            Dense(5); BatchNorm(); Dense(1)
        }
        let layout = ParameterLayout(
            try ModelTrace(
                model, sampleCount: 2, input: .init("x", [3]), label: .init("y", []),
                loss: .sigmoidCrossEntropy, isTraining: true))
        #expect(layout.buffers.map(\.name) == ["1.running_mean", "1.running_var"])
        #expect(layout.buffers.map(\.offset) == [1024, 1040] && layout.trainedElementCount == 1024)
        #expect(layout.elementCount == 2048)
        #expect(layout.parameterCount == 3 * 5 + 5 + 2 * 5 + 5 + 1)
        var arena = [Float](repeating: 0, count: layout.elementCount)
        arena.withUnsafeMutableBufferPointer { layout.initialize($0.baseAddress!, seed: 1) }
        #expect(arena[1024..<1029].allSatisfy { $0 == 0 } && arena[1040..<1045].allSatisfy { $0 == 1 })
        #expect(arena[1045...].allSatisfy { $0 == 0 })
    }

    @Test func theLastLayerComesFirst() throws {
        let names = ParameterLayout(try trace([8, 8])).segments.map(\.name)
        #expect(names.prefix(2).allSatisfy { $0.hasPrefix("layers.2") })
        #expect(names.suffix(2).allSatisfy { $0.hasPrefix("layers.0") })
    }

    @Test func initialValuesAreAPureFunctionOfTheSeedAndLeavePaddingZero() throws {
        func values(_ seed: UInt64, _ trace: ModelTrace) -> [Float] {
            let layout = ParameterLayout(trace)
            var arena = [Float](repeating: 0, count: layout.elementCount)
            arena.withUnsafeMutableBufferPointer { layout.initialize($0.baseAddress!, seed: seed) }
            return arena
        }
        let trace = try trace([17])
        #expect(values(1, trace) == values(1, try self.trace([17])))
        #expect(values(1, trace) != values(2, trace))
        let layout = ParameterLayout(trace)
        let arena = values(1, trace)
        for segment in layout.segments {
            #expect(arena[(segment.offset + segment.elementCount)..<segment.end].allSatisfy { $0 == 0 })
        }
        // Two matrices of a model never start alike.
        let square = ParameterLayout(try self.trace([5, 5]))
        let all = values(1, try self.trace([5, 5]))
        let matrices = square.segments.filter { $0.shape == [5, 5] }.map {
            Array(all[$0.offset..<($0.offset + 25)])
        }
        #expect(matrices.count == 2 && matrices[0] != matrices[1])
    }

    @Test func checkpointsHoldLinearWeightsAsPyTorchDoes() throws {
        let layout = ParameterLayout(try trace([3]))
        guard let weight = layout.segments.first(where: { $0.name == "layers.0.weight" }) else {
            Issue.record("no weight")
            return
        }
        #expect(weight.shape == [5, 3] && weight.storedShape == [3, 5])
        var arena = [Float](repeating: 0, count: layout.elementCount)
        let stored = (0..<15).map { Float($0) }
        arena.withUnsafeMutableBufferPointer { layout.restore(weight, from: stored, to: $0.baseAddress!) }
        // Row o of the checkpoint holds the inputs of unit o.
        for unit in 0..<3 {
            for input in 0..<5 {
                #expect(arena[weight.offset + input * 3 + unit] == stored[unit * 5 + input])
            }
        }
        #expect(layout.export(weight, from: arena) == stored)
    }
}
