import Diagnostics
import Graphs
import NeuralNetworks
import Testing

/// Thirty and more wrong calls of shape operations and losses: each is a clear error, none a trap.
@Suite struct WrongCallTests {
    private final class Owner {}

    /// What a call gets: a parameter of [2, 3, 4] and ids of [2, 3].
    private struct Bench {
        let graph = Graph()
        let x: Tensor
        let ids: Tensor

        init() throws {
            x = graph.input("x", TensorType([2, 3, 4]))
            ids = graph.input("ids", TensorType([2, 3], .int32))
        }

        func numbers(_ shape: Shape) -> Tensor { graph.input("n", TensorType(shape)) }
        func integers(_ shape: Shape) -> Tensor { graph.input("i", TensorType(shape, .int32)) }
    }

    private struct Call {
        let mentions: [String]
        let body: (Bench) throws -> Void

        init(_ mentions: String..., body: @escaping (Bench) throws -> Void) {
            self.mentions = mentions
            self.body = body
        }
    }

    private func refuse(_ calls: [Call], location: SourceLocation = #_sourceLocation) throws {
        for (index, call) in calls.enumerated() {
            let bench = try Bench()
            let error = #expect(throws: LockstepError.self, "call \(index)", sourceLocation: location) {
                try bench.graph.scope("head.2") { try call.body(bench) }
            }
            guard let error else { continue }
            #expect(error.code == .usage, "call \(index)", sourceLocation: location)
            #expect(error.message.contains("'head.2'"), "\(error)", sourceLocation: location)
            #expect((error.remedy ?? "").count > 8, "\(error)", sourceLocation: location)
            for text in call.mentions {
                #expect(error.message.contains(text), "call \(index): \(error)", sourceLocation: location)
            }
        }
    }

    private let moves = [
        Call("no tensors") { _ = try $0.graph.concatenate([], axis: 0) },
        Call("axis 3", "[2, 3, 4]") { _ = try $0.graph.concatenate([$0.x, $0.x], axis: 3) },
        Call("axis -1", "[2, 3, 4]") { _ = try $0.graph.concatenate([$0.x, $0.x], axis: -4) },
        Call("operand 1", "[2, 3]") { _ = try $0.graph.concatenate([$0.x, $0.numbers([2, 3])], axis: 1) },
        Call("[2, 5, 5]") { _ = try $0.x.concatenated(with: $0.numbers([2, 5, 5]), axis: 1) },
        Call("int32 [2, 3]") { _ = try $0.numbers([2, 3]).concatenated(with: $0.ids, axis: 0) },
        Call("axis 0", "[]") { _ = try $0.numbers(.scalar).concatenated(with: $0.numbers(.scalar), axis: 0) },
        Call("axis 1", "2..<9") { _ = try $0.x.sliced(axis: 1, 2..<9) },
        Call("axis 2", "-1..<2") { _ = try $0.x.sliced(axis: 2, -1..<2) },
        Call("1..<1") { _ = try $0.x.sliced(axis: 0, 1..<1) },
        Call("axis 5") { _ = try $0.x.sliced(axis: 5, 0..<1) },
        Call("axis -4") { _ = try $0.x.sliced(axis: -4, 0..<1) },
        Call("1 starts") { _ = try $0.x.sliced([0..<1]) },
        Call("[1, 1]", "axis 1") { _ = try $0.x.split([1, 1], axis: 1) },
        Call("[4, -1]") { _ = try $0.x.split([4, -1], axis: 1) },
        Call("[0, 1]", "[2, 3, 4]") { _ = try $0.x.permuted([0, 1]) },
        Call("[0, 1, 1]") { _ = try $0.x.permuted([0, 1, 1]) },
        Call("[0, 3, 1]") { _ = try $0.x.permuted([0, 3, 1]) },
        Call("[4]") { _ = try $0.numbers([4]).transposed() },
        Call("[1, 1]") { _ = try $0.x.padded(before: [1, 1], after: [0, 0, 0]) },
        Call("-1") { _ = try $0.x.padded(before: [0, 0, -1], after: [0, 0, 0]) },
        Call("int32 [2, 3]") { _ = try $0.ids.padded(before: [1, 0], after: [0, 0]) },
        Call("[2, 1, 2, 1, 2, 1, 2, 1, 2]") {
            _ = try $0.numbers([2, 1, 2, 1, 2, 1, 2, 1, 2]).permuted([8, 7, 6, 5, 4, 3, 2, 1, 0])
        },
        Call("axis 3") { _ = try $0.x.gathered($0.ids, axis: 3) },
        Call("float32 [3]") { _ = try $0.x.gathered($0.numbers([3]), axis: 1) },
        Call("float32 [2, 3, 4]", "5 classes") { _ = try $0.x.oneHot(classes: 5) },
        Call("0 classes") { _ = try $0.ids.oneHot(classes: 0) },
    ]

    private let arithmetic = [
        Call("[2, 3, 4]", "[3]") { _ = try $0.x + $0.numbers([3]) },
        Call("[2, 3, 4]", "[2, 1]") { _ = try $0.x / $0.numbers([2, 1]) },
        Call("subtract", "int32 [2, 3]") { _ = try $0.ids - $0.ids },
        Call("maximum", "int32 [2, 3]") { _ = try $0.x.maximum($0.ids) },
        Call("int32 [2, 3]") { _ = try -$0.ids },
        Call("log", "int32 [2, 3]") { _ = try $0.ids.logarithm() },
        Call("select", "[5]") { _ = try $0.x.select($0.numbers([5]), $0.x) },
        Call("select", "int32") { _ = try $0.x.select($0.integers([2, 3, 4]), $0.x) },
        Call("[2, 3, 4]", "[2, 3]") { _ = try $0.x.broadcast(to: [2, 3]) },
        Call("axes [3]") { _ = try $0.x.sum(axes: [3]) },
        Call("axes [1, 1]") { _ = try $0.x.mean(axes: [1, 1]) },
        Call("[2, 3, 4]", "float32 [2, 3]") { _ = try $0.x.gatheredWithin($0.numbers([2, 3])) },
        Call("[2, 3, 4]", "int32 [1, 3]") { _ = try $0.x.gatheredWithin($0.integers([1, 3])) },
        Call("axes [1, -2]") { _ = try $0.x.max(axes: [1, -2]) },
        Call("nothing", "[2, 0]") { _ = try $0.numbers([2, 0]).min(axes: [1]) },
        Call("nothing", "[2, 0]") { _ = try $0.numbers([2, 0]).mean(axes: [0, 1]) },
        Call("int32 [2, 3]") { _ = try $0.ids.sum(axes: [0]) },
        Call("axis 3") { _ = try $0.x.argMax(axis: 3) },
        Call("int32 [2, 3]") { _ = try $0.ids.argMax() },
        Call("[]") { _ = try $0.numbers(.scalar).softmax() },
        Call("int32 [2, 3]") { _ = try $0.ids.logSoftmax() },
    ]

    private let losses = [
        Call("float32 [2, 3]", "int32 [2, 3]") {
            _ = try $0.x.softmaxCrossEntropy(labels: $0.numbers([2, 3]))
        },
        Call("int32 [6]", "[2, 3]") { _ = try $0.x.softmaxCrossEntropy(labels: $0.integers([6])) },
        Call("int32 [2, 3, 4]") { _ = try $0.x.softmaxCrossEntropy(labels: $0.integers([2, 3, 4])) },
        Call("two classes", "[2, 1]") {
            _ = try $0.numbers([2, 1]).softmaxCrossEntropy(labels: $0.integers([2]))
        },
        Call("[]") { _ = try $0.numbers(.scalar).softmaxCrossEntropy(labels: $0.integers(.scalar)) },
        Call("1.5") { _ = try $0.x.softmaxCrossEntropy(labels: $0.ids, labelSmoothing: 1.5) },
        Call("nan") { _ = try $0.x.softmaxCrossEntropy(labels: $0.ids, labelSmoothing: .nan) },
        Call("float32 [2, 3, 4]") { _ = try $0.x.countLabels(ignoredLabel: 0) },
        Call("meanSquaredError") {
            _ = try Loss.meanSquaredError.sum(
                predictions: $0.x, labels: $0.x, options: LossOptions(ignoredLabel: -100))
        },
        Call("sigmoidCrossEntropy") {
            _ = try Loss.sigmoidCrossEntropy.sum(
                predictions: $0.x, labels: $0.x, options: LossOptions(labelSmoothing: 0.1))
        },
        Call("meanSquaredError", "teacher") {
            _ = try Loss.meanSquaredError.sum(
                predictions: $0.x, labels: $0.x, options: LossOptions(temperature: 2))
        },
        Call("[2, 3]", "[2, 1, 3]") {
            _ = try Loss.distillation.sum(predictions: $0.numbers([2, 3]), labels: $0.numbers([2, 1, 3]))
        },
        Call("weight of 0.0") {
            _ = try Loss.distillation.sum(
                predictions: $0.numbers([2, 3]), labels: $0.numbers([2, 2, 3]),
                options: LossOptions(teacherWeight: 0))
        },
        Call("temperature of -1.0") {
            _ = try Loss.distillation.sum(
                predictions: $0.numbers([2, 3]), labels: $0.numbers([2, 2, 3]),
                options: LossOptions(temperature: -1))
        },
    ]

    private let layers = [
        Call("[1, 0]", "sample axis") { _ = try Permuted([1, 0])($0.numbers([2, 3])) },
        Call("[0, 1]") { _ = try Permuted([0, 1])($0.x) },
        Call("[2, 3, 4]", "[2, 5]") { _ = try Reshaped(to: [5])($0.x) },
        Call("scalar") { _ = try Reshaped(to: [1])($0.numbers(.scalar)) },
        Call("no layers") { _ = try Concatenated([])($0.x) },
        Call("sample axis") { _ = try Concatenated(axis: -3, [Flatten(), Activated(.elu)])($0.x) },
        Call("operand 1") { _ = try Concatenated([Flatten(), Activated(.silu)])($0.x) },
        Call("int32 [2, 3]") { _ = try Activated(.softplus)($0.ids) },
    ]

    @Test func wrongMoves() throws { try refuse(moves) }
    @Test func wrongArithmetic() throws { try refuse(arithmetic) }
    @Test func wrongLosses() throws { try refuse(losses) }
    @Test func wrongLayers() throws { try refuse(layers) }

    @Test func thereAreMoreThanThirty() {
        #expect([moves, arithmetic, losses, layers].map(\.count).reduce(0, +) >= 60)
    }
}
