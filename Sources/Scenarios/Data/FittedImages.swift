import DataPipeline
import Diagnostics
import Graphs

/// What training learned about pictures: classes, and the scale of each channel.
public struct FittedImages: FittedFormat {
    /// The names of the classes by number.
    public var classNames: [String]
    /// Rows of pixels that the model sees.
    public var height: Int
    /// Columns of pixels that the model sees.
    public var width: Int
    /// The mean and the deviation of each channel.
    public var normalization: ImageNormalization

    /// `image`, [channels, height, width].
    public var inputs: [ModelTrace.Field] {
        [.init("image", [normalization.mean.count, height, width])]
    }
    /// A class.
    public var labelField: ModelTrace.Field { .init("label", [], .int32) }
    /// One a name.
    public var classCount: Int? { classNames.count }

    /// Encodes pictures.
    public func samples(_ source: ImageRows, rows: [Int]?, for purpose: SamplePurpose) throws -> Samples {
        guard source.store.channelCount == normalization.mean.count else {
            throw LockstepError(
                .badData,
                "the pictures have \(source.store.channelCount) channels, those of training "
                    + "\(normalization.mean.count)")
        }
        var dataset: any Dataset = try source.dataset(normalization, for: purpose)
        let isLabelled = dataset.fields.count > 1
        if !purpose.hasLabels, isLabelled { dataset = FirstField(dataset) }
        let rows = rows ?? Array(0..<source.rowCount)
        return Samples(SubsetDataset(dataset, indices: rows), rows: rows)
    }
}

/// The first field of a dataset's samples alone: what a prediction needs.
private struct FirstField: Dataset {
    let base: any Dataset

    init(_ base: any Dataset) { self.base = base }

    var count: Int { base.count }
    var fields: [FieldSpec] { [base.fields[0]] }
    var isResident: Bool { base.isResident }

    func write(sample index: Int, field: Int, to destination: UnsafeMutableRawPointer) throws {
        try base.write(sample: index, field: field, to: destination)
    }

    func describe(sample index: Int) -> String { base.describe(sample: index) }
}
