import Graphs

/// A model traced for one size of micro-batch: what the planner turns into a program.
public struct ModelTrace {
    /// A field of the micro-batch.
    public struct Field: Sendable, Equatable {
        /// The field's name, for instance `features`.
        public let name: String
        /// The shape of one sample.
        public let sampleShape: Shape
        /// What one element is.
        public let element: ElementType

        /// Creates a field.
        public init(_ name: String, _ sampleShape: Shape, _ element: ElementType = .float32) {
            self.name = name
            self.sampleShape = sampleShape
            self.element = element
        }
    }

    /// The graph with forward, loss and gradients.
    public let graph: Graph
    /// The fields in the order in which the program is fed.
    public let fields: [Field]
    /// Logits or predictions.
    public let predictions: Tensor
    /// The summed loss; `nil` without labels.
    public let loss: Tensor?
    /// The gradient of each of the graph's parameters; empty unless training.
    public let gradients: [Tensor?]
    /// How many terms the loss sums.
    public let lossTermCount: Int
    /// Samples in the micro-batch.
    public let sampleCount: Int

    /// Traces a model.
    /// - Parameters:
    ///   - input: the field that the model is called with.
    ///   - label: the field of the loss; `nil` for prediction alone.
    /// - Throws: `LockstepError` naming the layer, the shapes and the remedy.
    public init(
        _ model: any Layer, sampleCount: Int, input: Field, label: Field? = nil, loss: Loss? = nil,
        isTraining: Bool
    ) throws {
        graph = Graph(isTraining: isTraining, layerPaths: model.layerPaths())
        self.sampleCount = sampleCount
        fields = [input] + (label.map { [$0] } ?? [])
        let tensors = [input, label].compactMap { $0 }.map { [graph] field in
            graph.input(
                field.name, TensorType(Shape([sampleCount] + field.sampleShape.dimensions), field.element))
        }
        predictions = try model(tensors[0])
        if let loss, tensors.count == 2 {
            self.loss = try graph.scope("loss") { [predictions] in
                try loss.sum(predictions: predictions, labels: tensors[1])
            }
            lossTermCount = loss.termCount(predictions: predictions.shape)
        } else {
            self.loss = nil
            lossTermCount = 0
        }
        gradients = isTraining ? try self.loss.map { [graph] in try graph.gradients(of: $0) } ?? [] : []
    }
}
