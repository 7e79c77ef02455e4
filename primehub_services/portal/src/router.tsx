import { createBrowserRouter, Navigate, useParams, type RouteObject } from 'react-router';
import { base } from './lib/base';
import { Crashed, NotFound } from './shell/Wholes';
import { Shell } from './shell/Shell';
import { GroupGate } from './shell/GroupGate';
import { ToGroup } from './shell/ToGroup';

function ToHome() {
  const { group } = useParams();
  return <Navigate replace to={`/g/${group}/home`} />;
}

const page = (load: () => Promise<{ default: () => React.ReactNode }>): Pick<RouteObject, 'lazy'> => ({
  lazy: async () => ({ Component: (await load()).default }),
});

// what shows until a page's own part of the program is there: nothing, for it takes less than a blink
const soon = { hydrateFallbackElement: <></> };

export const router = createBrowserRouter([
  { path: '/cli-login', ...soon, errorElement: <Crashed />, ...page(() => import('./pages/login/LoginRequest')) },
  {
    element: <Shell />,
    ...soon,
    errorElement: <Crashed />,
    children: [
      { index: true, element: <ToGroup page="home" /> },
      { path: 'notebooks', element: <ToGroup page="notebooks" /> },
      { path: 'jobs', element: <ToGroup page="jobs" /> },
      { path: 'profile', ...page(() => import('./pages/profile/Profile')) },
      { path: 'notifications', ...page(() => import('./pages/profile/Notifications')) },
      { path: 'tokens', ...page(() => import('./pages/profile/Tokens')) },
      {
        path: 'admin',
        ...page(() => import('./pages/admin/AdminGate')),
        children: [
          { index: true, element: <Navigate replace to="/admin/groups" /> },
          { path: 'groups', ...page(() => import('./pages/admin/groups/Groups')) },
          { path: 'groups/new', ...page(() => import('./pages/admin/groups/NewGroup')) },
          { path: 'groups/:id', ...page(() => import('./pages/admin/groups/GroupEdit')) },
          { path: 'users', ...page(() => import('./pages/admin/users/Users')) },
          { path: 'users/new', ...page(async () => ({ default: (await import('./pages/admin/users/UserForm')).NewUser })) },
          { path: 'users/:id', ...page(async () => ({ default: (await import('./pages/admin/users/UserForm')).UserEdit })) },
          { path: 'instance-types', ...page(() => import('./pages/admin/catalog/Types')) },
          { path: 'instance-types/new', ...page(async () => ({ default: (await import('./pages/admin/catalog/TypeForm')).NewType })) },
          { path: 'instance-types/:id', ...page(async () => ({ default: (await import('./pages/admin/catalog/TypeForm')).TypeEdit })) },
          { path: 'images', ...page(() => import('./pages/admin/catalog/Images')) },
          { path: 'images/new', ...page(async () => ({ default: (await import('./pages/admin/catalog/ImageForm')).NewImage })) },
          { path: 'images/:id', ...page(async () => ({ default: (await import('./pages/admin/catalog/ImageForm')).ImageEdit })) },
          { path: 'volumes', ...page(() => import('./pages/admin/catalog/Volumes')) },
          { path: 'volumes/new', ...page(async () => ({ default: (await import('./pages/admin/catalog/VolumeForm')).NewVolume })) },
          { path: 'volumes/:id', ...page(async () => ({ default: (await import('./pages/admin/catalog/VolumeForm')).VolumeEdit })) },
          { path: 'secrets', ...page(() => import('./pages/admin/catalog/Secrets')) },
          { path: 'secrets/new', ...page(async () => ({ default: (await import('./pages/admin/catalog/SecretForm')).NewSecret })) },
          { path: 'secrets/:id', ...page(async () => ({ default: (await import('./pages/admin/catalog/SecretForm')).SecretEdit })) },
          { path: 'notebooks', ...page(() => import('./pages/admin/runs/Notebooks')) },
          { path: 'notebooks/:id', ...page(() => import('./pages/admin/runs/Notebook')) },
          { path: 'jobs', ...page(() => import('./pages/admin/runs/Jobs')) },
          { path: 'jobs/:id', ...page(() => import('./pages/admin/runs/Job')) },
          { path: 'recurring-jobs', ...page(() => import('./pages/admin/runs/Schedules')) },
          { path: 'usage', ...page(() => import('./pages/admin/runs/UsageNow')) },
          { path: 'audit', ...page(() => import('./pages/admin/platform/Audit')) },
          { path: 'settings', ...page(() => import('./pages/admin/platform/Settings')) },
          { path: 'health', ...page(() => import('./pages/admin/platform/Health')) },
          { path: '*', element: <NotFound /> },
        ],
      },
      {
        path: 'g/:group',
        element: <GroupGate />,
        children: [
          { index: true, element: <ToHome /> },
          { path: 'home', ...page(() => import('./pages/home/Home')) },
          { path: 'notebooks', ...page(() => import('./pages/notebooks/Notebooks')) },
          { path: 'notebooks/past', ...page(() => import('./pages/notebooks/Past')) },
          { path: 'notebooks/:id', ...page(() => import('./pages/notebooks/PastOne')) },
          { path: 'jobs', ...page(() => import('./pages/jobs/Jobs')) },
          { path: 'jobs/new', ...page(() => import('./pages/jobs/NewJob')) },
          { path: 'jobs/:id', ...page(() => import('./pages/jobs/JobPage')) },
          { path: 'recurring-jobs', ...page(() => import('./pages/schedules/Schedules')) },
          { path: 'recurring-jobs/new', ...page(() => import('./pages/schedules/ScheduleForm')) },
          { path: 'recurring-jobs/:id', ...page(() => import('./pages/schedules/SchedulePage')) },
          { path: 'recurring-jobs/:id/edit', ...page(() => import('./pages/schedules/ScheduleForm')) },
          { path: 'queue', ...page(() => import('./pages/queue/Queue')) },
          { path: 'images', ...page(() => import('./pages/group/Images')) },
          { path: 'images/new', ...page(() => import('./pages/group/ImageForm')) },
          { path: 'images/:image', ...page(() => import('./pages/group/ImageForm')) },
          { path: 'settings', ...page(() => import('./pages/group/Settings')) },
          { path: 'guide', ...page(() => import('./pages/guide/Guide')) },
          { path: '*', element: <NotFound /> },
        ],
      },
      { path: '*', element: <NotFound /> },
    ],
  },
], { basename: base.replace(/\/$/, '') });
