import Diagnostics
import Graphs
import NeuralNetworks
import Testing

/// A model as users write it: layers as properties, one of them optional, some in arrays.
private struct Branches: Layer {
    let first = Dense(4, activation: .relu)
    let towers = [Dense(3), Dense(3, bias: false)]
    let inner = Sequential { Dense(2) }
    let head: Dense? = Dense(1)
    let note = "not a layer"

    func callAsFunction(_ input: Tensor) throws -> Tensor {
        let shared = try first(input)
        let sum = try towers[0](shared) + towers[1](shared)
        return try head?(inner(sum)) ?? sum
    }
}

/// A model whose layer is called twice.
private struct Recurrent: Layer {
    let cell = Dense(3, activation: .tanh)
    func callAsFunction(_ input: Tensor) throws -> Tensor { try cell(cell(input)) }
}

@Suite struct LayerTests {
    private func trace(
        _ model: any Layer, samples: Int = 2, input: Shape = [3], _ element: ElementType = .float32,
        isTraining: Bool = false
    ) throws -> ModelTrace {
        try ModelTrace(
            model, sampleCount: samples, input: .init("x", input, element), isTraining: isTraining)
    }

    @Test func parametersAreNamedByProperties() throws {
        let model = Branches()
        let graph = try trace(model).graph
        #expect(
            graph.parameters.map(\.name) == [
                "first.weight", "first.bias", "towers.0.weight", "towers.0.bias", "towers.1.weight",
                "inner.0.weight", "inner.0.bias", "head.weight", "head.bias",
            ])
        let paths = model.layerPaths()
        #expect(paths[ObjectIdentifier(model.first)] == "first")
        #expect(paths[ObjectIdentifier(model.towers[1])] == "towers.1")
        #expect(paths.count == 5)
        #expect(model.layerPaths(prefix: "net")[ObjectIdentifier(model.first)] == "net.first")
    }

    @Test func storageAndRegularization() throws {
        let parameters = try trace(Branches()).graph.parameters
        #expect(parameters.map(\.isRegularized) == parameters.map { $0.name.hasSuffix("weight") })
        #expect(parameters.allSatisfy { ($0.storage == .transposed) == $0.name.hasSuffix("weight") })
        #expect(parameters[0].shape == [3, 4])
        let table = try trace(Embedding(7, 2), input: [5], .int32).graph.parameters[0]
        #expect(table.storage == .asIs && table.shape == [7, 2] && table.isRegularized)
    }

    @Test func aLayerCalledTwiceSharesItsParameters() throws {
        let model = Recurrent()
        let trace = try trace(model)
        #expect(trace.graph.parameters.map(\.name) == ["cell.weight", "cell.bias"])
        let products = trace.graph.nodes.filter { $0.operation is MatMul }
        #expect(products.count == 2 && products[0].operands[1] == products[1].operands[1])
        // Tracing again, as for another batch size, starts afresh.
        #expect(try self.trace(model, samples: 5).graph.parameters.count == 2)
    }

    @Test func theSameObjectTwiceInAChainKeepsItsFirstName() throws {
        let layer = Dense(3)
        let trace = try trace(Sequential([layer, Dense(3), layer]))
        #expect(trace.graph.parameters.map(\.name) == ["0.weight", "0.bias", "1.weight", "1.bias"])
    }

    @Test(arguments: [([30], [2, 8]), ([4, 5], [2, 4, 8]), ([], [8])] as [([Int], [Int])])
    func denseKeepsLeadingExtents(shapes: ([Int], [Int])) throws {
        // A sample without extents makes [2]: one row of two inputs.
        let trace = try trace(Dense(8), input: Shape(shapes.0))
        #expect(trace.predictions.shape == Shape(shapes.1))
    }

    @Test func denseComputesWhatItSays() throws {
        let trace = try trace(Dense(2, activation: .relu), samples: 1, input: [3])
        let values = trace.graph.evaluate(
            [trace.predictions], inputs: ["x": ReferenceArray([1, 3], [1, 2, 3])],
            parameters: [ReferenceArray([3, 2], [1, -1, 0, 2, 1, -3]), ReferenceArray([2], [0.5, 0.25])])
        // [1 + 3, -1 + 4 - 9] + [0.5, 0.25], then ReLU.
        #expect(values[0].values == [4.5, 0])
    }

    @Test func flattenAndDenseWithoutBias() throws {
        #expect(try trace(Flatten(), input: [4, 5]).predictions.shape == [2, 20])
        #expect(try trace(Flatten(), input: []).predictions.shape == [2, 1])
        #expect(try trace(Dense(2, bias: false)).graph.parameters.map(\.name) == ["dense.weight"])
    }

    @Test func poolingLeavesPaddingOut() throws {
        func pooled(_ layers: [any Layer]) throws -> [Double] {
            let trace = try trace(Sequential(layers), samples: 1, input: [4], .int32)
            var parameters = [ReferenceArray([3, 2], [100, 100, 1, 2, 3, 6])]
            if trace.graph.parameters.count > 1 {
                parameters += [ReferenceArray([2, 2], [1, 0, 0, 1]), ReferenceArray([2], [0, 0])]
            }
            return trace.graph.evaluate(
                [trace.predictions], inputs: ["x": ReferenceArray([1, 4], [1, 2, 0, 0])],
                parameters: parameters)[0]
                .values
        }
        #expect(try pooled([Embedding(3, 2, paddingID: 0), MeanPool()]) == [2, 4])
        #expect(try pooled([Embedding(3, 2), MeanPool()]) == [51, 52])
        // Layers that keep the tokens apart keep the mask.
        #expect(try pooled([Embedding(3, 2, paddingID: 0), Dropout(0.5), MeanPool()]) == [2, 4])
        #expect(try pooled([Embedding(3, 2, paddingID: 0), Dense(2), MeanPool()]) == [2, 4])
    }

    @Test func dropoutActsInTrainingAlone() throws {
        func count(_ isTraining: Bool, _ rate: Double) throws -> Int {
            let label = ModelTrace.Field("y", [])
            let trace = try ModelTrace(
                Sequential {
                    Dropout(rate); Dense(1)
                }, sampleCount: 2, input: .init("x", [3]), label: label,
                loss: .sigmoidCrossEntropy, isTraining: isTraining)
            return trace.graph.nodes.count { $0.operation is Graphs.Dropout }
        }
        #expect(try count(true, 0.5) == 1)
        #expect(try count(false, 0.5) == 0)
        #expect(try count(true, 0) == 0)
        #expect(try count(false, 0) == 0)
    }

    @Test func everyDropoutHasAStreamOfItsOwn() throws {
        let model = Sequential {
            Dropout(0.5); Dense(3); Dropout(0.5); Dense(3); Dropout(0.5)
        }
        let ordinals = try trace(model, isTraining: true).graph.nodes.compactMap {
            ($0.operation as? Graphs.Dropout)?.ordinal
        }
        #expect(ordinals == [0, 1, 2])
    }

    @Test(arguments: [true, false]) func builderTakesConditionsAndLoops(isWide: Bool) throws {
        let model = Sequential {
            Flatten()
            for width in [5, 6] { Dense(width, activation: .relu) }
            if isWide { Dense(100) }
            if isWide { Dense(7) } else { Dense(8) }
            [Dense(2), Dense(1)]
        }
        let widths = model.layers.compactMap { ($0 as? Dense)?.width }
        #expect(widths == (isWide ? [5, 6, 100, 7, 2, 1] : [5, 6, 8, 2, 1]))
        #expect(model.namedLayers.map(\.name) == model.layers.indices.map(String.init))
        #expect(try trace(model).predictions.shape == [2, 1])
    }

    @Test func models() throws {
        let dense = try trace(DenseNetwork(hidden: [64, 64], outputs: 1, dropout: 0.1), input: [30])
        #expect(
            dense.graph.parameters.map(\.name) == [
                "layers.0.weight", "layers.0.bias", "layers.2.weight", "layers.2.bias", "layers.4.weight",
                "layers.4.bias",
            ])
        let text = try trace(
            PooledTextNetwork(vocabularySize: 100, width: 8, hidden: [6], outputs: 4), input: [9], .int32)
        #expect(text.predictions.shape == [2, 4])
        #expect(
            text.graph.parameters.map(\.name).prefix(2) == ["embedding.weight", "layers.layers.0.weight"])
        #expect(text.graph.parameters.map(\.shape).first == [100, 8])
    }

    @Test func traceCountsTermsAndGivesAGradientAParameter() throws {
        let label = ModelTrace.Field("y", [2])
        let trace = try ModelTrace(
            Dense(2), sampleCount: 5, input: .init("x", [3]), label: label, loss: .meanSquaredError,
            isTraining: true)
        #expect(trace.lossTermCount == 10 && trace.sampleCount == 5 && trace.isTraining)
        #expect(trace.gradients.count == 2 && trace.gradients.allSatisfy { $0 != nil })
        #expect(trace.fields.map(\.name) == ["x", "y"])
        let evaluation = try ModelTrace(
            Dense(2), sampleCount: 5, input: .init("x", [3]), label: label, loss: .meanSquaredError,
            isTraining: false)
        #expect(!evaluation.isTraining && evaluation.loss != nil)
    }

    @Test(arguments: Loss.allCases) func lossTerms(loss: Loss) {
        let isOfRows = loss == .softmaxCrossEntropy || loss == .distillation
        #expect(loss.termCount(predictions: [6, 3]) == (isOfRows ? 6 : 18))
    }
}
