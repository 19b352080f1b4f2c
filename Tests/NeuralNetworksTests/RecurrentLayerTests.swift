import Diagnostics
import Graphs
import NeuralNetworks
import Testing

/// Names, shapes and first values of recurrent layers, and what wrong models are told.
@Suite struct RecurrentLayerTests {
    private func graph(_ model: any Layer, input: Shape = [6], _ element: ElementType = .int32) throws
        -> Graph
    {
        try ModelTrace(model, sampleCount: 4, input: .init("x", input, element), isTraining: true).graph
    }

    @Test func parametersAreNamedAndHeldAsPyTorchs() throws {
        let model = RecurrentClassifier(
            .gru, vocabularySize: 10, width: 5, hiddenSize: 7, outputs: 2, layerCount: 2,
            isBidirectional: true)
        let parameters = try graph(model).parameters
        let names = ["l0", "l0_reverse", "l1", "l1_reverse"].flatMap { end in
            ["weight_ih_", "weight_hh_", "bias_ih_", "bias_hh_"].map { "recurrent.\($0)\(end)" }
        }
        #expect(
            parameters.map(\.name) == ["embedding.weight"] + names + ["head.weight", "head.bias"])
        let shapes = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.shape) })
        #expect(shapes["recurrent.weight_ih_l0"] == [5, 21] && shapes["recurrent.weight_ih_l1"] == [14, 21])
        #expect(shapes["recurrent.weight_hh_l1_reverse"] == [7, 21] && shapes["head.weight"] == [14, 2])
        for parameter in parameters.dropFirst() {
            let isWeight = parameter.name.contains("weight")
            #expect(parameter.storage == (isWeight ? .transposed : .asIs))
            #expect(parameter.isRegularized == isWeight)
        }
    }

    @Test func firstValuesAreUniform() throws {
        let parameter = try graph(LSTM(16), input: [6, 3], .float32).parameters[1]
        var values = [Float](repeating: 0, count: parameter.shape.elementCount)
        values.withUnsafeMutableBufferPointer {
            parameter.initializer.fill($0, shape: parameter.shape, stream: RandomStream(seed: 3, purpose: 1))
        }
        let (least, greatest) = (values.min() ?? 0, values.max() ?? 0)
        #expect(least >= -0.25 && least < -0.24 && greatest <= 0.25 && greatest > 0.24)
        #expect(abs(values.reduce(0, +) / Float(values.count)) < 0.02)
    }

    @Test(arguments: RecurrentOutput.allCases) func outputs(output: RecurrentOutput) throws {
        for layer in [
            RNN(5, isBidirectional: true, output: output), GRU(5, isBidirectional: true, output: output),
        ]
            as [any Layer]
        {
            let trace = try ModelTrace(
                layer, sampleCount: 4, input: .init("x", [6, 3]), isTraining: true)
            #expect(trace.predictions.shape == (output == .sequence ? [4, 6, 10] : [4, 10]))
        }
    }

    @Test func dropoutStandsBetweenLayersOnly() throws {
        func dropouts(_ layerCount: Int) throws -> Int {
            let nodes = try graph(LSTM(5, layerCount: layerCount, dropout: 0.5), input: [6, 3], .float32)
                .nodes
            return nodes.count { $0.operation is Graphs.Dropout }
        }
        #expect(try dropouts(1) == 0 && dropouts(3) == 2)
    }

    @Test func wrongModels() {
        func refuse(
            _ model: any Layer, input: Shape = [6, 3], _ element: ElementType = .float32, mentions: [String]
        ) {
            let error = #expect(throws: LockstepError.self) { try graph(model, input: input, element) }
            guard let error else { return }
            #expect(error.code == .usage && !(error.remedy ?? "").isEmpty)
            for text in mentions { #expect(error.message.contains(text), "\(error)") }
        }
        refuse(Sequential { LSTM(4) }, input: [6], .int32, mentions: ["'0'", "int32 [4, 6]"])
        refuse(Sequential { GRU(4) }, input: [6], mentions: ["'0'", "float32 [4, 6]"])
        refuse(
            Sequential {
                LSTM(4, output: .last); LSTM(4)
            }, mentions: ["'1'", "float32 [4, 4]"])
        refuse(Sequential { RNN(0) }, mentions: ["'0'", "width 0"])
        refuse(Sequential { RNN(-2) }, mentions: ["'0'", "width -2"])
        refuse(Sequential { LSTM(4, layerCount: 0) }, mentions: ["'0'", "0 recurrent layers"])
        refuse(Sequential { LSTM(4, dropout: 1) }, mentions: ["'0'", "rate of 1.0"])
        refuse(Sequential { RNN(4, activation: .gelu) }, mentions: ["'0'", "gelu"])
        let shared = GRU(4)
        refuse(Sequential([shared, shared]), mentions: ["'0'", "weight_ih_l0", "[3, 12]", "[4, 12]"])
    }
}
