import DataPipeline
import Recipes

/// The rows of each split, as a recipe says.
struct RecipeSplit {
    let part: DataPart
    let source: any RowSource

    init(_ part: DataPart, source: any RowSource) {
        self.part = part
        self.source = source
    }

    func rows() throws -> DataSplit {
        guard let fold = part.fold else { return try own() }
        // Fractions cut all rows, and so do folds. Where a recipe names its test rows, they are kept out of the folds.
        if part.split.kind == .fractions { return try self.fold(fold, of: Array(0..<source.rowCount)) }
        let own = try own()
        return try self.fold(fold, of: (own.train + own.validation).sorted())
    }

    /// The split without folds.
    private func own() throws -> DataSplit {
        switch part.split.kind {
        case .fractions:
            return try Splits.byFraction(
                rowCount: source.rowCount, train: part.split.trainFraction,
                validation: part.split.validationFraction, test: part.split.testFraction,
                seed: part.split.seed,
                groups: try groups())
        case .ranges:
            return try Splits.byRange(
                rowCount: source.rowCount, train: part.split.trainRange,
                validation: part.split.validationRange,
                test: part.split.testRange)
        case .files:
            // The last file is data.testPath.
            let files = source.fileRows
            let last = files[files.count - 1]
            return try withValidation(
                DataSplit(train: Array(0..<last.lowerBound), test: Array(last)),
                fraction: part.split.validationFraction)
        case .everyNth:
            return try withValidation(everyNth(part.split.every), fraction: part.split.validationFraction)
        }
    }

    /// Every n-th row of each file tests, beginning with its first.
    private func everyNth(_ every: Int) -> DataSplit {
        let numbered = source.fileRows.flatMap { file in file.map { ($0, ($0 - file.lowerBound) % every) } }
        return DataSplit(
            train: numbered.filter { $0.1 != 0 }.map(\.0), test: numbered.filter { $0.1 == 0 }.map(\.0))
    }

    /// The held-out fold of some rows tests; a part of the others validates.
    private func fold(_ fold: Fold, of rows: [Int]) throws -> DataSplit {
        let classes = try groups()
        let split = try Splits.fold(
            fold.number, of: fold.count, rowCount: rows.count, seed: part.split.seed,
            groups: classes.map { classes in rows.map { classes[$0] } })
        let held = DataSplit(train: split.train.map { rows[$0] }, test: split.validation.map { rows[$0] })
        return try withValidation(held, fraction: part.validationFraction)
    }

    private func withValidation(_ split: DataSplit, fraction: Double) throws -> DataSplit {
        guard fraction > 0 else { return split }
        let classes = try groups()
        let inner = try Splits.byFraction(
            rowCount: split.train.count, train: 1 - fraction, validation: fraction, seed: part.split.seed,
            groups: classes.map { classes in split.train.map { classes[$0] } })
        return DataSplit(
            train: inner.train.map { split.train[$0] }, validation: inner.validation.map { split.train[$0] },
            test: split.test)
    }

    /// The class of every row, for stratified cuts.
    private func groups() throws -> [Int32]? {
        part.split.stratify ? try source.classes() : nil
    }
}
