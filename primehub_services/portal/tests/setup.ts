import { configure } from '@testing-library/react';

// on a busy machine a page takes more than the second that is usual; what is there at once is found as soon
configure({ asyncUtilTimeout: 10_000 });
