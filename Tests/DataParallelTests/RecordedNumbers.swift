import DataParallel
import Execution
import Foundation

/// The formula of Recording/recording.py for numbers in [-1, 1), so that both sides have the same weights.
func recordedNumber(_ key: Int, _ index: Int) -> Double {
    let wave = sin(Double(index) * 12.9898 + Double(key) * 78.233) * 43758.5453
    return (wave - wave.rounded(.down)) * 2 - 1
}

/// What PyTorch gave, and where files lie.
enum Recorded {
    struct Optimizers: Decodable {
        struct Case: Decodable {
            let name: String
            let steps: [[Double]]
        }
        let cases: [Case]
    }

    struct Training: Decodable {
        let breastCancer: [Double]
        let agNews: [Double]
    }

    static let packageRoot = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Reads a file that the scripts of NeuralNetworksTests/Recording wrote.
    static func load<Contents: Decodable>(_ name: String, as type: Contents.Type) throws -> Contents {
        let file = packageRoot.appendingPathComponent("Tests/NeuralNetworksTests/Recorded/\(name)")
        return try JSONDecoder().decode(type, from: Data(contentsOf: file))
    }

    /// The real data sets that are not part of the package.
    static let dataFolder =
        ProcessInfo.processInfo.environment["LOCKSTEP_DATA"].map { URL(fileURLWithPath: $0) }
        ?? packageRoot.appendingPathComponent("../shared/data").standardizedFileURL

    /// The state that the scripts start from: parameter i of `names` by the formula of key 20 + i, state zero.
    static func initialState(
        _ layout: ParameterLayout, names: [String], stateNames: [String], scale: (_ shape: [Int]) -> Double
    ) -> TrainedState {
        var state = TrainedState()
        for segment in layout.segments {
            let (shape, count) = (segment.storedShape, segment.elementCount)
            let key = 20 + (names.firstIndex(of: segment.name) ?? 1000)
            let values = (0..<count).map { Float(recordedNumber(key, $0) * scale(shape)) }
            state.parameters[segment.name] = StoredTensor(shape: shape, values: values)
            for name in stateNames {
                state.optimizer["\(segment.name).\(name)"] = StoredTensor(
                    shape: shape, values: Array(repeating: 0, count: count))
            }
        }
        return state
    }
}
