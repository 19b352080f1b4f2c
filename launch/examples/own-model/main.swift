import Foundation
import Lockstep

/// Two paths through the 30 measurements, a wide and a deep one, whose logits are added.
struct WideAndDeep: Layer {
    let wide = Dense(1)
    let deep = Sequential {
        Dense(64, activation: .gelu)
        Dropout(0.1)
        Dense(32, activation: .relu)
        Dense(1)
    }

    func callAsFunction(_ features: Tensor) throws -> Tensor {
        try wide(features) + deep(features)
    }
}

let recipe = CommandLine.arguments.dropFirst().first ?? "launch/recipes/breast-cancer.yaml"
let outcome = train(recipe: recipe, model: WideAndDeep()) { options in
    options.output = "runs/own-model-\(ProcessInfo.processInfo.processIdentifier)"
}
if let report = outcome.report { print(report) }
