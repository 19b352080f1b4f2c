import DataPipeline
import Diagnostics
import Foundation
import Testing

/// Outside numbers come from Recording/scikit_learn.py.
@Suite struct FittedTableTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func close(_ left: [Double], _ right: [Double], _ tolerance: Double) -> Bool {
        left.count == right.count
            && zip(left, right).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
    }

    private func scales(_ fitted: FittedTable) -> (center: [Double], scale: [Double], fill: [Double?]) {
        var result: (center: [Double], scale: [Double], fill: [Double?]) = ([], [], [])
        for column in fitted.columns {
            guard case .number(let center, let scale, let fill) = column.encoding else { continue }
            result.center.append(center)
            result.scale.append(scale)
            result.fill.append(fill)
        }
        return result
    }

    @Test func scalesLikeScikitLearn() throws {
        let source = try CSVSource(path: TestData.recipe("breast-cancer.csv"))
        #expect(source.rowCount == 569)
        let standard = try TableSchema(label: "diagnosis").fit(source, rows: Array(0..<400))
        let (center, scale, _) = scales(standard)
        let chosen = [0, 3, 29]
        #expect(
            close(
                chosen.map { center[$0] }, [14.321222500000015, 673.2180000000001, 0.08448737499999998], 1e-13
            ))
        #expect(
            close(
                chosen.map { scale[$0] }, [3.573789147808495, 356.82859088923925, 0.018988445877937847], 1e-13
            ))
        let row = try standard.dataset(source).floats(500)
        #expect(
            close(
                chosen.map { Double(row[$0]) },
                [0.2011247642969507, 0.04534950509339328, 0.05280184626193886], 1e-7))
        #expect(row.count == 30)

        var schema = TableSchema(label: "diagnosis", scaling: .minMax)
        let minMax = try schema.fit(source, rows: Array(0..<400)).dataset(source).floats(500)
        #expect(
            close(
                chosen.map { Double(minMax[$0]) },
                [0.3814189029296227, 0.23175546593080026, 0.1997245179063361], 1e-7))
        schema.scaling = .none
        let plain = try schema.fit(source, rows: Array(0..<400)).dataset(source).floats(0)
        #expect(plain[0] == 17.99 && plain[29] == 0.1189)
    }

    private static let gaps = "x,y,z,label\n1,10,7,a\n?,20,7,b\n4,NA,7,a\n6,10,7,b\n9,50,7,a\n,nan,8,b\n"

    @Test(
        "Missing values are replaced as scikit-learn does",
        arguments: [
            (
                .mean, [5.0, 22.5, 7.0], [5.0, 22.5, 7.0], [2.6076809620810595, 14.66287829861518, 1.0],
                [0.0, 0.0, 1.0]
            ),
            (
                .median, [5.0, 15.0, 7.0], [5.0, 21.0, 7.0], [2.6076809620810595, 14.966629547095765, 1.0],
                [0.0, -0.4008918628686366, 1.0]
            ),
            (
                .mostFrequent, [1.0, 10.0, 7.0], [4.2, 20.0, 7.0],
                [3.059411708155671, 15.491933384829668, 1.0],
                [-1.0459527207369816, -0.6454972243679028, 1.0]
            ),
        ] as [(MissingValues.Policy, [Double], [Double], [Double], [Double])])
    func imputes(
        policy: MissingValues.Policy, fill: [Double], center: [Double], scale: [Double], encoded: [Double]
    ) throws {
        let source = try scratch.source(Self.gaps)
        let schema = TableSchema(label: "label", missing: MissingValues(policy: policy))
        let fitted = try schema.fit(source, rows: Array(0..<5))
        #expect(close(scales(fitted).fill.map { $0 ?? .nan }, fill, 1e-14))
        #expect(close(scales(fitted).center, center, 1e-14))
        #expect(close(scales(fitted).scale, scale, 1e-14))
        #expect(close(try fitted.dataset(source).floats(5).map(Double.init), encoded, 1e-7))
    }

    @Test func dropsOrRefusesMissingValues() throws {
        let source = try scratch.source(Self.gaps)
        var schema = TableSchema(label: "label", missing: MissingValues(policy: .drop))
        let fitted = try schema.fit(source, rows: Array(0..<5))
        #expect(close(scales(fitted).center, [16.0 / 3, 70.0 / 3, 7], 1e-14))
        #expect(try fitted.dataset(source).rows == [0, 3, 4])
        schema.missing.policy = .refuse
        let error = failure { _ = try schema.fit(source, rows: Array(0..<5)) }
        #expect(error?.location?.description == "\(source.files[0].path):3:1")
        #expect(error?.remedy?.contains("median") == true)
        let late = try schema.fit(source, rows: [0, 3, 4]).dataset(source, rows: [5])
        #expect(failure { _ = try late.floats(0) }?.location?.line == 7)
        schema.missing = MissingValues(policy: .mean, tokens: ["9", ""])
        let odd = failure { _ = try schema.fit(source, rows: [0, 4, 1]) }
        #expect(odd?.message.contains("'?' in column 'x'") == true)
        #expect(close([scales(try schema.fit(source, rows: [0, 4, 3])).fill[0] ?? 0], [3.5], 0))
    }

    @Test func encodesCategories() throws {
        let source = try scratch.source(
            "size,color,weight,label\n1,red,5,2\n2,blue,6,10\n3,red,7,2\n4,green,8,10\n5,,9,2\n")
        var schema = TableSchema(
            drop: ["weight"], categorical: ["color"], label: "label", missing: MissingValues(policy: .mean),
            scaling: .none)
        let fitted = try schema.fit(source, rows: [0, 1, 2])
        #expect(fitted.featureNames == ["size", "color=blue", "color=red"])
        let dataset = try fitted.dataset(source)
        #expect(try dataset.floats(1) == [2, 1, 0])
        #expect(try dataset.floats(2) == [3, 0, 1])
        #expect(try dataset.floats(3) == [4, 0, 0])
        #expect(try dataset.floats(4) == [5, 0, 1])
        #expect(dataset.fields.map(\.name) == ["features", "label"])
        #expect(fitted.label.classNames == ["2", "10"])
        #expect(try (0..<5).map { try dataset.integers($0, field: 1)[0] } == [0, 1, 0, 1, 0])

        schema.features = ["color", "size"]
        schema.drop = []
        #expect(try schema.fit(source, rows: [0, 1]).featureNames == ["color=blue", "color=red", "size"])
        schema.categorical = ["weight"]
        #expect(failure { _ = try schema.fit(source, rows: [0, 1]) }?.code == .usage)
        schema.categorical = []
        let text = failure { _ = try schema.fit(source, rows: [0, 1]) }
        #expect(text?.location?.description == "\(source.files[0].path):2:3")
        #expect(text?.remedy?.contains("categorical") == true)
    }

    @Test func ordersClasses() throws {
        func classes(_ labels: [String], names: [String]? = nil) throws -> [String] {
            let text = "x,label\n" + labels.map { "1,\($0)\n" }.joined()
            let source = try scratch.source(text)
            let schema = TableSchema(label: "label", labelKind: .classes(names: names))
            return try schema.fit(source, rows: Array(0..<labels.count)).label.classNames
        }
        #expect(try classes(["10", "9", "-1", "9.0"]) == ["-1", "9", "10"])
        #expect(try classes(["10", "9", "x"]) == ["10", "9", "x"])
        #expect(try classes(["b", "a", "B", "é"]) == ["B", "a", "b", "é"])
        #expect(try classes(["2", "1"], names: ["one", "two"]) == ["one", "two"])
        #expect(failure { _ = try classes(["2", "1"], names: ["one"]) }?.code == .badData)
        #expect(failure { _ = try classes(["2", "2"]) }?.message.contains("single class") == true)
    }

    @Test func refusesUnknownLabels() throws {
        let source = try scratch.source("x,label\n1,benign\n2,malignant\n3,bening\n4,\n")
        let fitted = try TableSchema(label: "label").fit(source, rows: [0, 1])
        let dataset = try fitted.dataset(source)
        let slip = failure { _ = try dataset.integers(2, field: 1) }
        #expect(slip?.code == .badData)
        #expect(slip?.location?.description == "\(source.files[0].path):4:3")
        #expect(slip?.remedy == "did you mean 'benign'?")
        #expect(
            failure { _ = try TableSchema(label: "label").fit(source, rows: [0, 1, 3]) }?.location?.line == 5)
        #expect(failure { _ = try TableSchema(label: "lable").fit(source, rows: [0]) }?.code == .badData)
        #expect(failure { _ = try TableSchema(label: "label").fit(source, rows: []) }?.code == .badData)
        #expect(dataset.describe(sample: 2) == "\(source.files[0].path):4")
    }

    @Test func readsNumbersToPredict() throws {
        let source = try scratch.source("1,2.5\n2,-3\n3,x\n", hasHeader: false)
        let schema = TableSchema(label: 1, labelKind: .number)
        let fitted = try schema.fit(source, rows: [0, 1])
        let dataset = try fitted.dataset(source)
        #expect(dataset.fields[1] == FieldSpec(name: "label", sampleShape: [], element: .float32))
        #expect(try dataset.floats(1, field: 1) == [-3])
        #expect(failure { _ = try dataset.floats(2, field: 1) }?.location?.line == 3)
        #expect(failure { _ = try schema.fit(source, rows: [0, 1, 2]) }?.location?.line == 3)
    }

    @Test func refusesNumbersBeyondFloat() throws {
        let source = try scratch.source("x,label\n1e300,a\n2,b\n")
        let fitted = try TableSchema(label: "label", scaling: .none).fit(source, rows: [0, 1])
        #expect(failure { _ = try fitted.dataset(source).floats(0) }?.code == .badData)
    }

    @Test func survivesJSONAndPredictsWithoutLabel() throws {
        let source = try scratch.source("x,kind,label\n1,a,no\n2.1,b,yes\n4,a,no\n")
        let schema = TableSchema(
            categorical: ["kind"], label: "label", missing: MissingValues(policy: .median, tokens: ["-", ""]))
        let fitted = try schema.fit(source, rows: [0, 1, 2])
        let restored = try JSONDecoder().decode(FittedTable.self, from: JSONEncoder().encode(fitted))
        #expect(restored == fitted)

        let unlabelled = try scratch.source("kind,x\nb,2.1\na,-\n")
        let dataset = try restored.dataset(unlabelled, withLabel: false)
        #expect(dataset.fields.map(\.name) == ["features"])
        #expect(try dataset.floats(0) == fitted.dataset(source).floats(1))
        #expect(try dataset.floats(1)[0] == dataset.floats(0)[0])
        #expect(failure { _ = try restored.dataset(unlabelled) }?.message.contains("'label'") == true)
    }

    @Test func findsColumnsByPositionWithoutHeader() throws {
        let source = try scratch.source("no,1,5\nyes,2,6\n", hasHeader: false)
        let fitted = try TableSchema(label: 0, scaling: .none).fit(source, rows: [0, 1])
        let unlabelled = try scratch.source("3,7\n", hasHeader: false)
        #expect(try fitted.dataset(unlabelled, withLabel: false).floats(0) == [3, 7])
        #expect(try fitted.dataset(source, withLabel: false).floats(1) == [2, 6])
        let narrow = try scratch.source("3\n", hasHeader: false)
        #expect(failure { _ = try fitted.dataset(narrow, withLabel: false) }?.code == .badData)
    }

    @Test func fitsOnTheTrainingSplitAlone() throws {
        let small = try scratch.source("x,label\n1,a\n3,b\n")
        let fitted = try TableSchema(label: "label").fit(small, rows: [0, 1])
        let large = try scratch.source("x,label\n1,a\n3,b\n1000,zzz\nword,\n")
        #expect(try TableSchema(label: "label").fit(large, rows: [0, 1]) == fitted)
    }

    @Test func refusesRowsThatDoNotExist() throws {
        let source = try scratch.source("x,label\n1,a\n3,b\n")
        let fitted = try TableSchema(label: "label").fit(source, rows: [0, 1])
        #expect(failure { _ = try fitted.dataset(source, rows: [2]) }?.code == .internalError)
        #expect(
            failure { _ = try TableSchema(label: "label").fit(source, rows: [-1]) }?.code == .internalError)
    }

    @Test func loadsIris() throws {
        let source = try CSVSource(path: TestData.recipe("iris.csv"))
        let fitted = try TableSchema(label: "species").fit(source, rows: Array(0..<150))
        #expect(fitted.label.classNames == ["setosa", "versicolor", "virginica"])
        #expect(fitted.featureCount == 4)
    }
}
