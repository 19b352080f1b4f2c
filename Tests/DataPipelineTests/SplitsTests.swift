import DataPipeline
import Testing

@Suite struct SplitsTests {
    @Test func fractionsShareOutEachRowOnce() throws {
        let split = try Splits.byFraction(rowCount: 1000, train: 0.8, validation: 0.1, test: 0.1, seed: 3)
        #expect([split.train.count, split.validation.count, split.test.count] == [800, 100, 100])
        #expect((split.train + split.validation + split.test).sorted() == Array(0..<1000))
        #expect(split.train != Array(0..<800))
        #expect(
            try Splits.byFraction(rowCount: 1000, train: 0.8, validation: 0.1, test: 0.1, seed: 3) == split)
        #expect(
            try Splits.byFraction(rowCount: 1000, train: 0.8, validation: 0.1, test: 0.1, seed: 4) != split)
    }

    @Test func stratifiedFractionsKeepProportions() throws {
        let groups: [Int32] = (0..<1000).map { $0 < 100 ? 1 : 0 }
        let split = try Splits.byFraction(rowCount: 1000, train: 0.7, test: 0.3, seed: 1, groups: groups)
        #expect(split.train.filter { groups[$0] == 1 }.count == 70)
        #expect(split.test.filter { groups[$0] == 1 }.count == 30)
        #expect(split.train.count == 700)
    }

    @Test func emptyAndImpossibleFractionsAreRefused() {
        func split(_ train: Double, _ test: Double, rows: Int = 10) throws {
            _ = try Splits.byFraction(rowCount: rows, train: train, test: test, seed: 0)
        }
        #expect(failure { try split(0, 0.5) }?.code == .badData)
        #expect(failure { try split(0.9, 0.01) }?.code == .badData)
        #expect(failure { try split(0.9, 0.2) }?.code == .usage)
        #expect(failure { try split(-0.1, 0.2) }?.code == .usage)
        #expect(failure { try split(.nan, 0.2) }?.code == .usage)
        #expect(failure { try split(1, 0, rows: 0) }?.code == .badData)
    }

    @Test func rangesAreTakenAsTheyAre() throws {
        let split = try Splits.byRange(rowCount: 7600, train: 0..<6080, test: 6080..<7600)
        #expect(split.train == Array(0..<6080))
        #expect(split.test == Array(6080..<7600))
        #expect(split.validation.isEmpty)
        func make(_ train: Range<Int>, _ test: Range<Int>) throws {
            _ = try Splits.byRange(rowCount: 10, train: train, test: test)
        }
        #expect(failure { try make(0..<0, 5..<6) }?.code == .badData)
        #expect(failure { try make(0..<5, 5..<11) }?.code == .badData)
        #expect(failure { try make(-1..<5, 5..<6) }?.code == .badData)
        #expect(failure { try make(0..<5, 4..<6) }?.code == .usage)
    }

    @Test func filesHaveOnePurpose() throws {
        let scratch = try Scratch()
        let paths = try ["x", "y", "z"].map { try scratch.write("a\n1\n2\n", as: $0) }
        let source = try CSVSource(paths: paths)
        let split = try Splits.byFile(source, train: [2, 0], test: [1])
        #expect(split.train == [0, 1, 4, 5])
        #expect(split.test == [2, 3])
        #expect(failure { _ = try Splits.byFile(source, train: [0], test: [0]) }?.code == .usage)
        #expect(failure { _ = try Splits.byFile(source, train: [3]) }?.code == .usage)
        #expect(failure { _ = try Splits.byFile(source, train: [], test: [0]) }?.code == .badData)
    }

    @Test("Folds partition the rows", arguments: [false, true])
    func foldsPartition(isStratified: Bool) throws {
        let groups: [Int32] = (0..<569).map { $0 % 8 < 3 ? 1 : 0 }
        var heldOut: [Int] = []
        for number in 1...10 {
            let split = try Splits.fold(
                number, of: 10, rowCount: 569, seed: 4, groups: isStratified ? groups : nil)
            #expect((split.train + split.validation).sorted() == Array(0..<569))
            #expect((56...57).contains(split.validation.count))
            if isStratified {
                #expect((21...22).contains(split.validation.filter { groups[$0] == 1 }.count))
            }
            heldOut += split.validation
        }
        #expect(heldOut.sorted() == Array(0..<569))
        #expect(failure { _ = try Splits.fold(0, of: 10, rowCount: 50, seed: 0) }?.code == .usage)
        #expect(failure { _ = try Splits.fold(11, of: 10, rowCount: 50, seed: 0) }?.code == .usage)
        #expect(failure { _ = try Splits.fold(1, of: 10, rowCount: 9, seed: 0) }?.code == .badData)
    }

    @Test func groupsFollowTheColumnsText() throws {
        let source = try Scratch().source("x,kind\n1,b\n2,a\n3, b\n")
        #expect(try source.groups(byColumn: "kind") == [1, 0, 1])
    }
}
