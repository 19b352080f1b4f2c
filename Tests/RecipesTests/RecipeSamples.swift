import Diagnostics
import Foundation
import Recipes
import Testing

/// Recipes and helpers that the tests of this target share.
enum RecipeSamples {
    static let table = """
        task: classification
        data:
          path: rows.csv
          label: species
        training:
          epochs: 3
        """

    static let text = """
        task: classification
        data:
          format: text
          path: $LOCKSTEP_DATA/news.csv
          header: false
          label: 0
          text: [1, 2]
        model:
          kind: pooledText
        training:
          maxSteps: 100
        """

    static let lines = """
        task: binaryClassification
        data:
          format: lines
          paths: [negative.txt, positive.txt]
          split: {kind: everyNth, every: 10, validation: 0.1}
        model:
          kind: pooledText
        training:
          epochs: 2
        """

    static let images = """
        task: classification
        data:
          format: images
          path: photos
          size: [48, 64]
        model:
          kind: cnn
        training:
          epochs: 2
        """

    static func parse(_ text: String, _ overrides: [String] = []) throws -> Recipe {
        try Recipe(
            text: text, file: "/recipes/sample.yaml", overrides: overrides,
            environment: ["LOCKSTEP_DATA": "/data"], currentFolder: "/here")
    }

    /// The error of a recipe that must be refused.
    static func error(_ text: String, _ overrides: [String] = []) -> LockstepError? {
        do {
            let recipe = try parse(text, overrides)
            Issue.record("accepted: \(recipe.name) with \(overrides)")
            return nil
        } catch {
            return error as? LockstepError
        }
    }

    /// The folder `launch/recipes` of this package.
    static var shippedFolder: URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("launch/recipes")
    }
}
