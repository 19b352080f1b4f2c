import DataPipeline
import Diagnostics
import Recipes
import Scenarios
import Testing

/// Rows of CSV files whose labels are missing or unknown.
@Suite("Bad labels")
struct BadLabelTests {
    static let recipe = """
        task: classification
        data:
          format: text
          path: rows.csv
          label: kind
          text: [words]
          minimumCount: 1
          maximumLength: 4
          split: {kind: ranges, train: 0..8, test: 8..12}
        model: {kind: textCNN, lengths: [2]}
        training: {epochs: 1}
        """

    private func folder(_ labels: [String]) throws -> Folder {
        let folder = try Folder()
        let rows = labels.enumerated().map { "text number \($0),\($1)" }
        try folder.write((["words,kind"] + rows).joined(separator: "\n") + "\n", to: "rows.csv")
        return folder
    }

    private static let good = (0..<12).map { $0 % 2 == 0 ? "even" : "odd" }

    @Test func aLabelThatTrainingLacksStopsWithItsPlaceOrIsLeftOut() throws {
        var labels = Self.good
        labels[9] = "neither"
        let folder = try folder(labels)
        let data = try RecipeData(try folder.recipe(Self.recipe))
        let error = #expect(throws: LockstepError.self) { try data.dataset(.test) }
        #expect(error?.location?.file == folder.path + "/rows.csv" && error?.location?.line == 11)
        #expect(error?.message.contains("'neither' is none of the training split's 2 classes") == true)
        let skipping = try RecipeData(try folder.recipe(Self.recipe, ["data.onBadSample=skip"]))
        #expect(try skipping.samples(.test).rows == [8, 10, 11])
        #expect(
            skipping.leftOutWarning(.test, sampleCount: 3)
                == "1 of 4 test rows have no label, or one that the training rows lack, and are left out "
                + "(data.onBadSample)")
    }

    @Test func aMissingLabelStopsOrIsLeftOut() throws {
        var labels = Self.good
        labels[3] = " "
        let folder = try folder(labels)
        let error = #expect(throws: LockstepError.self) { try RecipeData(try folder.recipe(Self.recipe)) }
        #expect(error?.message == "the label is missing" && error?.location?.line == 5)
        let skipping = try RecipeData(try folder.recipe(Self.recipe, ["data.onBadSample=skip"]))
        #expect(skipping.fitted.classNames == ["even", "odd"])
        #expect(try skipping.samples(.train).rows == [0, 1, 2, 4, 5, 6, 7])
        #expect(try skipping.dataset(.train, for: .training(seed: 1)).count == 7)
    }

    @Test func tablesLeaveThemOutAsWell() throws {
        let folder = try Folder()
        try folder.write("a,kind\n1,x\n2,y\n3,\n4,x\n5,z\n", to: "rows.csv")
        let words = [
            "data={format: table, path: rows.csv, label: kind, onBadSample: skip}",
            "data.split={kind: ranges, train: 0..4, test: 4..5}", "model={kind: dense}",
        ]
        let data = try RecipeData(try folder.recipe(Self.recipe, words))
        #expect(try data.samples(.train).rows == [0, 1, 3])
        #expect(data.fitted.classNames == ["x", "y"])
        #expect(throws: LockstepError.self) { try data.dataset(.test) }
    }

    @Test func otherEncodingsInCSVAreNamedByLineAndColumn() throws {
        let folder = try Folder()
        let text = "words,kind\nplain,a\ncaf\u{E9},b\n".unicodeScalars.map { UInt8($0.value) }
        let path = try folder.write(text, to: "rows.csv")
        let error = #expect(throws: LockstepError.self) { try RecipeData(try folder.recipe(Self.recipe)) }
        #expect(error?.code == .badData && error?.location?.file == path && error?.location?.line == 3)
    }

    @Test func badRowsOfCSVAreLeftOutAndCounted() throws {
        let folder = try Folder()
        var text = "words,kind\n"
        for row in 0..<12 { text += ["caf\u{E9},b\n", "a,b,c\n", "plain \(row),a\n", "plain,b\n"][row % 4] }
        let path = try folder.write(text.unicodeScalars.map { UInt8($0.value) }, to: "rows.csv")
        let words = ["data.onBadSample=skip", "data.split={train: 0.5, test: 0.5}"]
        let recipe = try folder.recipe(Self.recipe, words)
        let data = try RecipeData(recipe)
        #expect(data.source.rowCount == 6 && data.fitted.classNames == ["a", "b"])
        #expect(
            data.source.warnings == [
                "6 of 12 rows are not UTF-8, or have another number of fields, and are left out "
                    + "(data.onBadSample): \(path):2, \(path):3, \(path):6, \(path):7, \(path):10 …"
            ])
        let source = try recipe.data.open(toPredict: path)
        #expect((0..<6).map(source.name(ofRow:)) == ["2", "3", "6", "7", "10", "11"])
    }
}
