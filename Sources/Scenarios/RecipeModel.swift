import DataPipeline
import Diagnostics
import Graphs
import NeuralNetworks
import Recipes

extension ModelPart {
    /// The network that a recipe's `model` describes.
    func network(_ fitted: FittedData, outputs: Int) throws -> any Layer {
        let activation = activation.function
        switch (kind, fitted) {
        case (.dense, .table):
            return DenseNetwork(
                hidden: hidden, outputs: outputs, activation: activation, dropout: dropout, bias: bias,
                initializer: initializer.values)
        case (.pooledText, .text(let text)):
            return PooledTextNetwork(
                vocabularySize: text.tokenizer.identifierCount, width: embedding, hidden: hidden,
                outputs: outputs,
                paddingID: Int(WordTokenizer.paddingID), activation: activation, dropout: dropout, bias: bias,
                initializer: initializer.values)
        case (.dense, .text):
            throw LockstepError(
                .usage, "model.kind 'dense' reads numbers, data.format is 'text'",
                remedy: "use model.kind: pooledText")
        case (.pooledText, .table):
            throw LockstepError(
                .usage, "model.kind 'pooledText' reads token ids, data.format is 'table'",
                remedy: "use model.kind: dense")
        }
    }
}

extension ModelPart.Activation {
    /// The function that a recipe's `model.activation` names.
    var function: Graphs.Activation {
        switch self {
        case .relu: .relu
        case .sigmoid: .sigmoid
        case .tanh: .tanh
        case .gelu: .gelu
        case .geluTanh: .geluTanh
        case .silu: .silu
        case .softplus: .softplus
        case .leakyReLU: .leakyReLU
        case .elu: .elu
        }
    }
}

extension ModelPart.Initializer {
    var values: any Graphs.Initializer {
        switch self {
        case .glorot: Glorot()
        case .he: He()
        case .normal: Normal(deviation: 0.05)
        }
    }
}

extension OptimizerPart {
    /// The optimizer that a recipe's `training.optimizer` describes.
    var optimizer: any Optimizer {
        switch kind {
        case .sgd: SGD(rate: rate, momentum: momentum, nesterov: nesterov, weightDecay: weightDecay)
        case .adam, .adamW:
            Adam(
                rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay,
                isDecoupled: kind == .adamW)
        case .rmsprop:
            RMSProp(rate: rate, decay: decay, epsilon: epsilon, momentum: momentum, weightDecay: weightDecay)
        }
    }
}

extension SchedulePart {
    /// The schedule that a recipe's `training.schedule` describes.
    func schedule(totalSteps: Int, rate: Double) -> RateSchedule {
        let floor = rate > 0 ? minimumRate / rate : 0
        let course: RateSchedule.Course =
            switch kind {
            case .constant: .constant
            case .step: .step(every: everySteps, factor: factor)
            case .exponential: .exponential(every: everySteps, factor: factor)
            case .cosine: .cosine(steps: totalSteps, minimum: floor)
            }
        return RateSchedule(course, warmupSteps: warmupSteps, minimum: kind == .cosine ? 0 : floor)
    }
}
