import Foundation
import Testing

/// README.md shows what is really there.
struct ReadmeTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The program under "Your own model in Swift" is the one that the package builds, to the letter.
    @Test func theProgramInTheReadmeIsTheOneThatIsBuilt() throws {
        let readme = try String(contentsOf: Self.root.appendingPathComponent("README.md"), encoding: .utf8)
        let program = try String(
            contentsOf: Self.root.appendingPathComponent("launch/examples/own-model/main.swift"),
            encoding: .utf8)
        #expect(readme.contains("```swift\n" + program + "```"))
    }

    /// Every recipe is named in the README, and every recipe that the README names is there.
    @Test func recipesInTheReadmeExist() throws {
        let readme = try String(contentsOf: Self.root.appendingPathComponent("README.md"), encoding: .utf8)
        let folder = Self.root.appendingPathComponent("launch/recipes")
        let recipes = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".yaml") }
        #expect(recipes.count >= 3)
        for recipe in recipes { #expect(readme.contains("launch/recipes/" + recipe), "\(recipe)") }
        for match in readme.matches(of: /launch\/recipes\/([a-z-]+\.yaml)/) {
            #expect(recipes.contains(String(match.1)), "\(match.1)")
        }
    }
}
