import CKernels
import Graphs

extension ElementType {
    /// How kernels that read or write both float32 and bfloat16 are told which.
    var kernelType: lk_type { self == .bfloat16 ? LK_BFLOAT16 : LK_FLOAT32 }
}

extension Site.Value {
    /// What kernels call the type of its elements.
    var kernelType: lk_type { type.element.kernelType }
}
